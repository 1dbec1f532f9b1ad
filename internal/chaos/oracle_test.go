package chaos

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// judge compares ledger, provider and database. Every difference is an error of the test; it returns how many there are.
func (w *world) judge() (differences int) {
	w.t.Helper()
	wrong := func(format string, args ...any) {
		w.t.Helper()
		if differences++; differences <= 30 {
			w.t.Errorf("difference: "+format, args...)
		}
	}
	calls, err := w.calls()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, tn := range w.tenants {
		w.judgeInbound(tn, wrong)
		w.judgeOutbound(tn, calls, wrong)
		w.judgeOperations(tn, wrong)
		w.judgeTold(tn, wrong)
	}
	if out, err := w.try("", "verify", "--quiet"); err != nil {
		wrong("verify: %v\n%s%s", err, out, w.history(out))
	}
	return differences
}

type complaint func(format string, args ...any)

// counts runs a query of a text and a number.
func (w *world) counts(query string, args ...any) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	err := w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		var name string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			counts[name] = n
			return nil
		})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

// judgeInbound: what was taken is there once, in messages and events; what was not, at most once; nothing else is there (R1, R2).
func (w *world) judgeInbound(tn *tenant, wrong complaint) {
	asked := w.ledger.entries(kindInbound, tn.number)
	messages := w.counts(`SELECT external_id, count(*) FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND' GROUP BY 1`, tn.id)
	events := w.counts(`SELECT m.external_id, count(*) FROM messages m JOIN events e ON e.tenant_id = m.tenant_id AND e.message_id = m.id
		AND e.kind = 'MESSAGE_CREATED' WHERE m.tenant_id = $1 AND m.direction = 'INBOUND' GROUP BY 1`, tn.id)
	effect(asked, messages, "messages", wrong)
	effect(asked, events, "events", wrong)
}

// effect compares what was asked for with how often it happened.
func effect(asked map[string]entry, happened map[string]int, what string, wrong complaint) {
	for key, e := range asked {
		n := happened[key]
		if n > 1 || e.Answer == answerYes && n != 1 || e.Answer == answerNo && n != 0 {
			wrong("%s %s was answered %s (%s) and has %d %s", e.Kind, key, e.Answer, e.Detail, n, what)
		}
	}
	for key := range happened {
		if _, known := asked[key]; !known {
			wrong("%s %s was never asked for", what, key)
		}
	}
}

// judgeOperations: an operation has happened exactly when its key is kept (R21).
func (w *world) judgeOperations(tn *tenant, wrong complaint) {
	kept := w.counts(`SELECT key, count(*) FROM idempotency_keys WHERE tenant_id = $1 AND key LIKE 'operation-%' GROUP BY 1`, tn.id)
	effect(w.ledger.entries(kindOperation, tn.number), kept, "kept keys", wrong)
}

// sent is an outbound message as the database has it.
type sent struct {
	ID, Text, Correlation, Status, Code string
	Attempts                            int
}

// judgeOutbound: one message for what was taken (R11, R21); at the provider one call that was accepted for each that is on its way, none
// for the others (R13), never two at a time (R12), and none that nobody asked for (R11).
func (w *world) judgeOutbound(tn *tenant, calls []call, wrong complaint) {
	var messages []sent
	owner := map[string]string{} // attempt → message
	err := w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT m.id::text, m.text, coalesce(m.correlation_id, ''), m.status, coalesce(m.failed_code, ''),
			(SELECT count(*) FROM delivery_attempts a WHERE a.tenant_id = m.tenant_id AND a.message_id = m.id)
			FROM messages m WHERE m.tenant_id = $1 AND m.direction = 'OUTBOUND'`, tn.id)
		if err != nil {
			return err
		}
		if messages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[sent]); err != nil {
			return err
		}
		if rows, err = conn.Query(ctx, `SELECT id::text, message_id::text FROM delivery_attempts WHERE tenant_id = $1`, tn.id); err != nil {
			return err
		}
		var attempt, message string
		_, err = pgx.ForEachRow(rows, []any{&attempt, &message}, func() error { owner[attempt] = message; return nil })
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	byMessage := map[string][]call{}
	for _, c := range calls {
		if c.Account != tn.ref {
			continue
		}
		if owner[c.Opaque] == "" {
			wrong("call %d names attempt %q, which is on no record", c.Seq, c.Opaque)
		}
		byMessage[owner[c.Opaque]] = append(byMessage[owner[c.Opaque]], c)
	}
	replies, notifications := map[string]int{}, map[string]int{}
	for _, m := range messages {
		kind, key := kindReply, m.Text
		if m.Correlation != "" {
			kind, key = kindNotification, m.Correlation
			notifications[key]++
		} else {
			replies[key]++
		}
		if e := w.ledger.newest(kind, key); e.Answer == answerYes && e.ID != m.ID {
			wrong("%s %s was answered with message %s and is %s", kind, key, e.ID, m.ID)
		}
		w.judgeCalls(m, byMessage[m.ID], wrong)
	}
	effect(w.ledger.entries(kindReply, tn.number), replies, "messages", wrong)
	effect(w.ledger.entries(kindNotification, tn.number), notifications, "messages", wrong)
}

// judgeCalls judges the calls of one message.
func (w *world) judgeCalls(m sent, calls []call, wrong complaint) {
	accepted := 0
	for i, c := range calls {
		if c.Accepted {
			accepted++
		}
		if i > 0 && c.StartedAt.Before(calls[i-1].EndedAt) && !w.loose {
			wrong("message %s: call %d began %v before call %d ended", m.ID, c.Seq, calls[i-1].EndedAt.Sub(c.StartedAt), calls[i-1].Seq)
		}
	}
	most := 1
	if w.loose {
		most = max(1, m.Attempts)
	}
	switch m.Status {
	case "SENT", "DELIVERED", "READ":
		if accepted < 1 || accepted > most {
			wrong("message %s is %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Status, m.Attempts, accepted, calls)
		}
	case "FAILED":
		// The only ends without the provider's word: nobody could know, or a worker died three times with it.
		explained := m.Code == "OUTCOME_UNKNOWN" || m.Code == "POISON"
		if accepted > 0 || !explained && len(calls) == 0 {
			wrong("message %s FAILED with %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Code, m.Attempts, accepted, calls)
		}
	default:
		wrong("message %s is still %s", m.ID, m.Status)
	}
}

// judgeTold: what a subscriber was told over all its sockets is the table of events (R40).
func (w *world) judgeTold(tn *tenant, wrong complaint) {
	events, err := w.events(tn)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, s := range tn.sees {
		s.mu.Lock()
		list, start, complaints := s.list, s.start, s.wrong
		s.mu.Unlock()
		if len(complaints) > 0 {
			wrong("subscriber %d of %s: %s", i, tn.slug, strings.Join(complaints[:min(len(complaints), 5)], "; "))
		}
		var expected []told
		for _, e := range events {
			if e.Seq > start {
				expected = append(expected, e)
			}
		}
		for n := range max(len(list), len(expected)) {
			if n >= len(list) || n >= len(expected) || list[n] != expected[n] {
				wrong("subscriber %d of %s was told %d events of %d; number %d is %v, want %v", i, tn.slug, len(list), len(expected), n,
					at(list, n), at(expected, n))
				break
			}
		}
	}
}

func at(list []told, n int) any {
	if n < len(list) {
		return list[n]
	}
	return "nothing"
}

// tally logs what a run was about.
func (w *world) tally(name string, cycles, differences int, began time.Time) {
	cuts, heard := 0, 0
	for _, tn := range w.tenants {
		for _, s := range tn.sees {
			cuts, heard = cuts+s.cuts, heard+len(s.list)
		}
	}
	failed := w.counts(`SELECT failed_code, count(*) FROM messages WHERE failed_code IS NOT NULL GROUP BY 1`)
	w.t.Logf("%s: %d cycles, %d differences, %v; ledger %v; %d events told over %d sockets; failed %v", name, cycles, differences,
		time.Since(began).Round(time.Second), w.ledger.size(), heard, cuts, failed)
}

// history tells the events of the conversations that a finding of verify names.
func (w *world) history(findings string) string {
	var text strings.Builder
	for _, id := range regexp.MustCompile(`conversation ([0-9a-f-]{36})`).FindAllStringSubmatch(findings, 2) {
		lines := w.counts(`SELECT concat_ws(' ', lpad(seq::text, 7, '0'), at, kind, actor_kind, cause, message_id, status_before || '>' || status_after,
			coalesce(assignee_before::text, '-') || '>' || coalesce(assignee_after::text, '-')), 1 FROM events WHERE conversation_id = $1`, id[1])
		for _, line := range slices.Sorted(maps.Keys(lines)) {
			text.WriteString("\n" + line)
		}
	}
	return text.String()
}
