package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// moment is one line of a timeline.
type moment struct {
	at   time.Time
	what string
}

// timelines tells what happened to what a difference is about, out of everything that somebody wrote down: the faults, the ledger, the
// provider and the database. Those of the database go by its clock.
type timelines struct {
	faults []moment
	ledger string // its path
	calls  []call
	ask    func(context.Context, named) (found []moment, attempts []string, err error)
}

// named are the names that a difference tells: ids of messages and conversations, and keys of the load.
type named struct{ ids, keys []string }

var (
	idIn  = regexp.MustCompile(`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	keyIn = regexp.MustCompile(`\b(?:wamid|mark|stray|reply|notification|operation)-[0-9a-z]+-[0-9]+\b`)
)

// namesIn returns the first few names that a difference tells.
func namesIn(difference string) named {
	few := func(pattern *regexp.Regexp) []string {
		names := pattern.FindAllString(difference, -1)
		slices.Sort(names)
		names = slices.Compact(names)
		return names[:min(len(names), 4)]
	}
	return named{ids: few(idIn), keys: few(keyIn)}
}

// of returns the timeline of what a difference is about, or "" when it names nothing.
func (tl *timelines) of(difference string) string {
	names := namesIn(difference)
	if len(names.ids)+len(names.keys) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, attempts, err := tl.ask(ctx, names)
	if err != nil {
		all = append(all, moment{time.Now(), "the rest is not known: " + err.Error()})
	}
	all = append(append(all, tl.entries(names)...), tl.told(attempts)...)
	all = tl.framed(all)
	var text strings.Builder
	for _, m := range all[:min(len(all), 120)] {
		fmt.Fprintf(&text, "\n    %s %s", m.at.UTC().Format("15:04:05.000000"), m.what)
	}
	return text.String()
}

// entries returns what the load wrote down about a key, or about a message that it was answered with.
func (tl *timelines) entries(names named) (found []moment) {
	text, err := os.ReadFile(tl.ledger)
	if err != nil {
		return []moment{{time.Now(), err.Error()}}
	}
	for line := range bytes.Lines(text) {
		var e entry
		if json.Unmarshal(line, &e) == nil && (slices.Contains(names.keys, e.Key) || slices.Contains(names.ids, e.ID)) {
			found = append(found, moment{e.At, "ledger: " + string(bytes.TrimSpace(line))})
		}
	}
	return found
}

// told returns the calls of attempts.
func (tl *timelines) told(attempts []string) (found []moment) {
	for _, c := range tl.calls {
		if slices.Contains(attempts, c.Opaque) {
			begins := fmt.Sprintf("provider: call %d of attempt %s begins, accepted %v %s", c.Seq, c.Opaque, c.Accepted, c.Fault)
			found = append(found, moment{c.StartedAt, begins},
				moment{c.EndedAt, fmt.Sprintf("provider: call %d ends", c.Seq)})
			if !c.ToldAt.IsZero() {
				found = append(found, moment{c.ToldAt, fmt.Sprintf("provider: the first receipt of call %d is taken, the furthest tells %s", c.Seq, c.Told)})
			}
		}
	}
	return found
}

// framed sorts, and adds the faults from just before the first moment to the last.
func (tl *timelines) framed(all []moment) []moment {
	if len(all) == 0 {
		return nil
	}
	byTime := func(a, b moment) int { return a.at.Compare(b.at) }
	first, last := slices.MinFunc(all, byTime).at.Add(-10*time.Second), slices.MaxFunc(all, byTime).at
	for _, f := range tl.faults {
		if !f.at.Before(first) && !f.at.After(last) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, byTime)
	return all
}

// recorded reads what the database has on record about messages and conversations, and the attempts of the messages.
func (w *world) recorded(ctx context.Context, names named) (found []moment, attempts []string, err error) {
	texts := make([]string, len(names.keys))
	for i, key := range names.keys {
		texts[i] = canary + key
	}
	const about = `WITH m AS (SELECT * FROM messages WHERE id::text = ANY ($1) OR external_id = ANY ($2) OR correlation_id = ANY ($2) OR text = ANY ($3)),
		a AS (SELECT a.* FROM delivery_attempts a JOIN m ON m.tenant_id = a.tenant_id AND m.id = a.message_id) `
	const lines = about + `SELECT at, line FROM (
		SELECT created_at AS at, format('message %s, number %s of conversation %s: %s, now %s %s', id, seq, conversation_id, direction, status,
			failed_code) AS line FROM m
		UNION ALL SELECT started_at, format('attempt %s of %s begins: %s', attempt, message_id, id) FROM a
		UNION ALL SELECT finished_at, format('attempt %s of %s ends: %s %s %s', attempt, message_id, outcome, class, code) FROM a
		UNION ALL SELECT f.first_seen_at, format('fact %s of %s, %s', f.kind, f.message_id, f.at)
			FROM delivery_facts f JOIN m ON m.tenant_id = f.tenant_id AND m.id = f.message_id
		UNION ALL SELECT p.parked_at, format('parked %s of %s', p.kind, p.external_id) FROM parked_facts p WHERE p.external_id = ANY ($2)
		UNION ALL SELECT e.at, format('event %s %s of %s %s, by %s %s: %s>%s %s>%s', e.seq, e.kind, e.conversation_id, e.message_id, e.actor_kind,
			e.cause, e.message_status_before, e.message_status_after, e.status_before, e.status_after)
			FROM events e WHERE e.conversation_id::text = ANY ($1) OR e.message_id IN (SELECT id FROM m)
		) known WHERE at IS NOT NULL ORDER BY at LIMIT 200`
	err = w.sql(func(_ context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, lines, names.ids, names.keys, texts)
		if err != nil {
			return err
		}
		var at time.Time
		var line string
		if _, err = pgx.ForEachRow(rows, []any{&at, &line}, func() error { found = append(found, moment{at, "database: " + line}); return nil }); err != nil {
			return err
		}
		rows, err = conn.Query(ctx, about+`SELECT id::text FROM a`, names.ids, names.keys, texts)
		if err != nil {
			return err
		}
		attempts, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return found, attempts, err
}

// rehearse complains when the timeline of a message that was sent does not tell its story: one that nobody could read would be noticed only
// when it is needed.
func (w *world) rehearse(tl *timelines, e *evidence) {
	w.t.Helper()
	for _, m := range e.sent {
		asked, known := e.asked[kindNotification][m.Correlation]
		if m.Status == "FAILED" || !known || asked.ID != m.ID {
			continue
		}
		story := tl.of("message " + m.ID)
		for _, part := range []string{"ledger: ", "provider: ", "database: message", "database: attempt", "database: fact", "database: event"} {
			if !strings.Contains(story, part) {
				w.t.Errorf("the timeline of message %s lacks %q:%s", m.ID, part, story)
			}
		}
		return
	}
}

// A difference comes with all that is known of what it names, in the order of time, with the faults of that time.
func TestDifferencesComeWithTheirTimeline(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Unix(int64(1000+second), 0) }
	id, other := "0193d8a0-0000-7000-8000-000000000001", "0193d8a0-0000-7000-8000-000000000002"
	ledger := t.TempDir() + "/ledger"
	var lines []byte
	for _, e := range []entry{
		{At: at(1), Kind: kindReply, Key: "reply-x-1", Answer: answerUnknown}, {At: at(5), Kind: kindReply, Key: "reply-x-1", Answer: answerYes, ID: id},
		{At: at(2), Kind: kindReply, Key: "reply-x-12", Answer: answerYes, ID: other},
	} {
		line, _ := json.Marshal(e) // plain fields always marshal
		lines = append(append(lines, line...), '\n')
	}
	if err := os.WriteFile(ledger, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	tl := &timelines{ledger: ledger, faults: []moment{{at(-60), "fault 1"}, {at(3), "fault 2"}, {at(99), "fault 3"}},
		calls: []call{
			{Seq: 7, Opaque: "a1", StartedAt: at(4), EndedAt: at(6), ToldAt: at(8), Told: "read"},
			{Seq: 8, Opaque: "a2", StartedAt: at(4), EndedAt: at(4)},
		},
		ask: func(_ context.Context, names named) ([]moment, []string, error) {
			if !slices.Equal(names.ids, []string{id}) || !slices.Equal(names.keys, []string{"reply-x-1"}) {
				t.Errorf("asked for %v", names)
			}
			return []moment{{at(2), "database: message"}}, []string{"a1"}, nil
		}}
	story := tl.of("reply reply-x-1 was answered with message " + id + " and is " + id)
	rest := story
	for _, part := range []string{"unknown", "database: message", "fault 2", "call 7 of attempt a1 begins", `"yes"`, "call 7 ends", "tells read"} {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("%q is not in its place in the timeline:%s", part, story)
		}
		rest = after
	}
	for _, part := range []string{"reply-x-12", "call 8", "fault 1", "fault 3"} {
		if strings.Contains(story, part) {
			t.Errorf("%q is in the timeline:%s", part, story)
		}
	}
	if story := tl.of("at rest there are 900 connections"); story != "" {
		t.Errorf("the timeline of nothing:%s", story)
	}
}
