package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// judge gathers what everybody says and compares it. Every difference is an error of the test; it returns how many there are.
func (w *world) judge(points bool) (differences int) {
	w.t.Helper()
	calls, err := w.calls()
	if err != nil {
		w.t.Fatal(err)
	}
	tl := &timelines{faults: w.faults, ledger: w.ledger.file.Name(), calls: calls, ask: w.recorded}
	wrong := func(format string, args ...any) {
		w.t.Helper()
		if differences++; differences <= 30 {
			difference := fmt.Sprintf(format, args...)
			w.t.Errorf("difference: %s%s", difference, tl.of(difference))
		}
	}
	for _, tn := range w.tenants {
		e, err := w.gather(tn, calls)
		if err != nil {
			w.t.Fatal(err)
		}
		e.judge(wrong)
		for _, m := range e.sent {
			if m.Status == "FAILED" {
				w.givenUp++
			}
		}
		w.rehearse(tl, e)
	}
	r, err := w.remains()
	if err != nil {
		w.t.Fatal(err)
	}
	if !points {
		r.points, r.actions = nil, nil
	}
	r.judge(wrong)
	return differences
}

// gather collects the evidence about a tenant.
func (w *world) gather(tn *tenant, calls []call) (*evidence, error) {
	e := &evidence{slug: tn.slug, loose: w.loose, asked: map[string]map[string]entry{}}
	for _, kind := range []string{kindInbound, kindMark, kindStray, kindReply, kindNotification, kindOperation} {
		e.asked[kind] = w.ledger.entries(kind, tn.number)
	}
	for _, c := range calls {
		if c.Account == tn.ref {
			e.calls = append(e.calls, c)
		}
	}
	for _, s := range tn.sees {
		s.mu.Lock()
		e.heard = append(e.heard, hearing{start: s.start, only: s.only, list: s.list, wrong: s.wrong})
		s.mu.Unlock()
	}
	err := w.sql(func(ctx context.Context, conn *pgx.Conn) (err error) {
		return errors.Join(w.gatherCounts(ctx, conn, tn, e), w.gatherLetters(ctx, conn, tn, e), w.gatherSent(ctx, conn, tn, e), w.gatherStuck(ctx, conn, tn, e),
			w.gatherDone(ctx, conn, tn, e))
	})
	if err != nil {
		return nil, err
	}
	e.events = map[string][]told{}
	for _, h := range e.heard {
		if e.events[h.only], err = w.events(tn, h.only); err != nil {
			return nil, err
		}
	}
	e.served, err = w.served(tn)
	return e, err
}

func (w *world) gatherCounts(ctx context.Context, conn *pgx.Conn, tn *tenant, e *evidence) (err error) {
	for query, into := range map[string]*map[string]int{
		`SELECT external_id, count(*) FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND' GROUP BY 1`: &e.received,
		`SELECT m.external_id, count(*) FROM messages m JOIN events e ON e.tenant_id = m.tenant_id AND e.message_id = m.id
			AND e.kind = 'MESSAGE_CREATED' WHERE m.tenant_id = $1 AND m.direction = 'INBOUND' GROUP BY 1`: &e.arrivals,
		`SELECT external_id, count(*) FROM message_marks WHERE tenant_id = $1 GROUP BY 1`:                       &e.marks,
		`SELECT external_id, count(*) FROM parked_facts WHERE tenant_id = $1 GROUP BY 1`:                        &e.parked,
		`SELECT key, count(*) FROM idempotency_keys WHERE tenant_id = $1 AND key LIKE 'operation-%' GROUP BY 1`: &e.kept,
		`SELECT a.email || ' ' || m.conversation_id, count(*) FROM messages m JOIN agents a ON a.tenant_id = m.tenant_id
			LEFT JOIN read_cursors r ON r.tenant_id = m.tenant_id AND r.agent_id = a.id AND r.conversation_id = m.conversation_id
			WHERE m.tenant_id = $1 AND m.direction = 'INBOUND' AND m.seq > coalesce(r.seq, 0) GROUP BY 1`: &e.unread,
	} {
		if *into, err = counts(ctx, conn, query, tn.id); err != nil {
			return err
		}
	}
	return nil
}

// gatherLetters reads what came in, and from whom.
func (w *world) gatherLetters(ctx context.Context, conn *pgx.Conn, tn *tenant, e *evidence) error {
	rows, err := conn.Query(ctx, `SELECT m.external_id, m.text, coalesce(i.value, '') FROM messages m
		JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
		LEFT JOIN contact_identities i ON i.tenant_id = c.tenant_id AND i.contact_id = c.contact_id AND i.kind = 'PHONE'
		WHERE m.tenant_id = $1 AND m.direction = 'INBOUND'`, tn.id)
	if err != nil {
		return err
	}
	e.letters, err = pgx.CollectRows(rows, pgx.RowToStructByPos[letter])
	return err
}

func (w *world) gatherSent(ctx context.Context, conn *pgx.Conn, tn *tenant, e *evidence) error {
	rows, err := conn.Query(ctx, `SELECT m.id::text, m.text, coalesce(m.correlation_id, ''), m.status, coalesce(m.failed_code, ''),
		m.conversation_id::text, m.seq, (SELECT count(*) FROM delivery_attempts a WHERE a.tenant_id = m.tenant_id AND a.message_id = m.id),
		coalesce(e.n, 0), (SELECT min(f.first_seen_at) FROM delivery_facts f WHERE f.tenant_id = m.tenant_id AND f.message_id = m.id
			AND f.kind IN ('SENT', 'DELIVERED', 'READ')) FROM messages m LEFT JOIN (SELECT message_id, count(*) AS n FROM events
			WHERE tenant_id = $1 AND kind = 'MESSAGE_CREATED' GROUP BY 1) e ON e.message_id = m.id
		WHERE m.tenant_id = $1 AND m.direction = 'OUTBOUND' ORDER BY m.conversation_id, m.seq`, tn.id)
	if err != nil {
		return err
	}
	if e.sent, err = pgx.CollectRows(rows, pgx.RowToStructByPos[sent]); err != nil {
		return err
	}
	if rows, err = conn.Query(ctx, `SELECT id::text, message_id::text, started_at FROM delivery_attempts WHERE tenant_id = $1`, tn.id); err != nil {
		return err
	}
	e.attempts = map[string]attempt{}
	var id string
	var a attempt
	_, err = pgx.ForEachRow(rows, []any{&id, &a.Message, &a.Started}, func() error { e.attempts[id] = a; return nil })
	return err
}

// counts runs a query of a text and a number.
func counts(ctx context.Context, conn *pgx.Conn, query string, args ...any) (map[string]int, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { found[name] = n; return nil })
	return found, err
}

// served returns what the API says each agent has not read.
func (w *world) served(tn *tenant) (map[string]int, error) {
	found := map[string]int{}
	for _, a := range tn.agents {
		for after := any(nil); ; {
			var page struct {
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
				Edges []struct {
					UnreadCount int
					Node        struct{ ID string }
				}
			}
			var got answer
			if !within(2*time.Minute, func() bool { // on a slow machine an answer may come too late
				got = a.query(`query ($after: String) { conversations(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
					edges { unreadCount node { id } } } }`, map[string]any{"after": after})
				return got.code() == ""
			}) {
				return nil, fmt.Errorf("the conversations of %s: %s", a.email, got.code())
			}
			if err := json.Unmarshal(got.Data["conversations"], &page); err != nil {
				return nil, err
			}
			for _, edge := range page.Edges {
				if edge.UnreadCount > 0 {
					found[a.email+" "+edge.Node.ID] = edge.UnreadCount
				}
			}
			if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
				break
			}
		}
	}
	return found, nil
}

// events returns what conversationEvents is about, in order, or what messageEvents of one conversation is.
func (w *world) events(tn *tenant, only string) (all []told, err error) {
	err = w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		if only != "" {
			rows, err := conn.Query(ctx, `SELECT seq, kind, conversation_id::text, message_id::text,
				coalesce(message_status_before, '') || '>' || coalesce(message_status_after, '') FROM events WHERE tenant_id = $1
				AND conversation_id = $2 AND kind IN ('MESSAGE_CREATED', 'MESSAGE_STATUS_CHANGED', 'MESSAGE_CHANGED') ORDER BY seq`, tn.id, only)
			if err != nil {
				return err
			}
			all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[told])
			return err
		}
		rows, err := conn.Query(ctx, `SELECT seq, kind, coalesce(conversation_id::text, ''), coalesce(message_id::text, ''), '' FROM events
			WHERE tenant_id = $1 AND conversation_id IS NOT NULL AND channel_account_id IS NOT NULL AND status_after IS NOT NULL AND kind IN (
			'CONVERSATION_CREATED', 'CONVERSATION_ASSIGNED', 'CONVERSATION_RESOLVED', 'CONVERSATION_REOPENED', 'CONVERSATION_SNOOZED',
			'CONVERSATION_WOKEN', 'CONVERSATION_FLAGGED', 'MESSAGE_CREATED', 'CONTACT_CHANGED') ORDER BY seq`, tn.id)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[told])
		return err
	})
	return all, err
}

func (w *world) calls() ([]call, error) {
	var all struct{ Calls []call }
	err := w.tryAsk("GET", w.vendorURL()+"/api/calls", nil, &all)
	return all.Calls, err
}

// handlerPanics returns how many of the faults that struck are panics while a webhook had no answer yet: only those may be answered with 500.
func handlerPanics(struck map[string]int) int {
	return struck["panic at in.read"] + struck["panic at in.verified"] + struck["panic at in.before_200"]
}

// mutationPanics returns how many are panics while a mutation had no answer yet: only those may be answered with INTERNAL.
func mutationPanics(struck map[string]int) int {
	return struck["panic at mut.begin"] + struck["panic at mut.commit"] + struck["panic at mut.after_commit"] + struck["panic at mut.enqueue"]
}

// remains looks at what is left in the installation at rest.
func (w *world) remains() (*residue, error) {
	struck := w.struck()
	r := &residue{goroutines: map[string]int{}, points: w.passed(), actions: w.met(struck), broken: int(w.broken.Load()), panics: handlerPanics(struck),
		internal: int(w.defects.Load()), defects: mutationPanics(struck)}
	for _, p := range w.processes() {
		for _, line := range p.out.findings() {
			r.printed = append(r.printed, p.name+": "+line)
		}
		if trace := p.out.trace(); trace != "" {
			w.t.Logf("%s crashed:\n%s", p.name, trace)
		}
		for _, e := range p.endedByItself() {
			r.ended = append(r.ended, fmt.Sprintf("%s at %s: %s: %s", p.name, e.at.Format(time.TimeOnly), e.told, e.words))
		}
	}
	for _, p := range w.processes()[1:] {
		var n float64
		var err error
		within(time.Minute, func() bool { // those of connections that nobody uses any more end a little later
			n, err = p.metric("go_goroutines")
			return err == nil && n <= mostGoroutines
		})
		if err != nil {
			return nil, err
		}
		r.goroutines[p.name] = int(n)
	}
	var err error
	if r.borrowed, err = w.borrowed(); err != nil {
		return nil, err
	}
	within(time.Minute, func() bool { // those of a process that was killed end a little later
		r.backends, r.idle, err = w.sessions()
		return err == nil && r.backends <= mostBackends
	})
	w.t.Logf("at rest: goroutines %v, %d connections to Postgres, %d answers INTERNAL", r.goroutines, r.backends, r.internal)
	if out, failed := w.try("", nil, "verify", "--quiet"); failed != nil && !(w.loose && byClocks(out)) {
		r.verify = failed.Error() + "\n" + out + w.history(out)
	}
	return r, errors.Join(err, w.searchRedis(r), w.searchLog(r))
}

// borrowed returns how many connections each process has in use at rest: the least of what it says within some time, as a sweep may go on.
func (w *world) borrowed() (map[string]int, error) {
	found := map[string]int{}
	for _, p := range w.processes()[1:] {
		least, failed := math.MaxInt, error(nil)
		within(time.Minute, func() bool {
			n, err := p.metric("switchboard_db_connections_borrowed")
			if failed = err; err == nil {
				least = min(least, int(n))
			}
			return least == 0
		})
		if least == math.MaxInt {
			return nil, failed
		}
		found[p.name] = least
	}
	return found, nil
}

// sessions returns how many connections to Postgres the installation has, and what those are about that hold a transaction for long.
func (w *world) sessions() (all int, old []string, err error) {
	err = w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		const sessions = `SELECT concat_ws(' ', application_name, state, left(query, 80)), coalesce(xact_start < now() - interval '5 seconds', false)
			FROM pg_stat_activity WHERE datname = 'switchboard' AND usename = 'switchboard_app'`
		rows, err := conn.Query(ctx, sessions)
		if err != nil {
			return err
		}
		var about string
		var long bool
		_, err = pgx.ForEachRow(rows, []any{&about, &long}, func() error {
			if all++; long {
				old = append(old, about)
			}
			return nil
		})
		return err
	})
	return all, old, err
}

// byClocks reports whether the only thing that verify found is a check that compares the clock of Postgres, which is wrong on purpose, with those
// of the processes. How often a message was accepted is judged by the provider's calls all the same.
func byClocks(findings string) bool {
	wrong := regexp.MustCompile(`(?m)^WRONG +\d+ +(.*)$`).FindAllStringSubmatch(findings, -1)
	return len(wrong) == 1 && strings.HasPrefix(wrong[0][1], "no provider is called again ")
}

// searchRedis lists the keys, and looks for canaries in what they hold.
func (w *world) searchRedis(r *residue) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := w.redisClient()
	for keys := client.Scan(ctx, 0, "", 1000).Iterator(); ; {
		if !keys.Next(ctx) {
			return keys.Err()
		}
		r.keys = append(r.keys, keys.Val())
		if word := w.secret.in(keys.Val() + contents(ctx, client, keys.Val())); word != "" {
			r.secrets = append(r.secrets, "Redis holds "+word+" in "+keys.Val())
		}
	}
}

// contents returns what a key holds; nothing when it has ended meanwhile.
func contents(ctx context.Context, client *redis.Client, key string) string {
	switch client.Type(ctx, key).Val() {
	case "string":
		return client.Get(ctx, key).Val()
	case "hash":
		return fmt.Sprint(client.HGetAll(ctx, key).Val())
	case "list":
		return fmt.Sprint(client.LRange(ctx, key, 0, -1).Val())
	case "set":
		return fmt.Sprint(client.SMembers(ctx, key).Val())
	case "zset":
		return fmt.Sprint(client.ZRange(ctx, key, 0, -1).Val())
	}
	return ""
}

// searchLog looks for canaries in the log of Postgres.
func (w *world) searchLog(r *residue) error {
	text, err := os.ReadFile(filepath.Join(w.postgres().Dir(), "server.log"))
	for line := range strings.Lines(string(text)) {
		if word := w.secret.in(line); word != "" {
			r.secrets = append(r.secrets, "Postgres logs "+word+": "+line)
		}
	}
	return err
}

// history tells the events of the conversations that a finding of verify names.
func (w *world) history(findings string) string {
	var text strings.Builder
	for _, id := range regexp.MustCompile(`conversation ([0-9a-f-]{36})`).FindAllStringSubmatch(findings, 2) {
		_ = w.sql(func(ctx context.Context, conn *pgx.Conn) error { // what cannot be told stays untold: the finding is an error already
			lines, err := counts(ctx, conn, `SELECT concat_ws(' ', lpad(seq::text, 7, '0'), at, kind, actor_kind, cause, message_id,
				status_before || '>' || status_after, coalesce(assignee_before::text, '-') || '>' || coalesce(assignee_after::text, '-')), 1
				FROM events WHERE conversation_id = $1`, id[1])
			for _, line := range slices.Sorted(maps.Keys(lines)) {
				text.WriteString("\n" + line)
			}
			return err
		})
	}
	return text.String()
}
