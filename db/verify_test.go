package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// lived returns a world in which everything that verify looks at exists once and is right.
func lived(t *testing.T) *inboxtest.World {
	t.Helper()
	w := inboxtest.New(t)
	ctx := t.Context()
	acme := w.Tenant("acme")
	w.Tenant("empty")
	account := acme.Account("main", nil)
	agent := acme.Agent("ada", inbox.RoleAdmin)
	ada := acme.As(agent, inbox.RoleAdmin, account)
	in := inbox.New(w.DB, time.Now)
	open, snoozed, resolved := acme.Conversation(account), acme.Conversation(account), acme.Conversation(account)
	for _, id := range []uuid.UUID{open, snoozed, resolved} {
		if _, err := in.Claim(ctx, ada, inbox.ConversationInput{ConversationID: id}); err != nil {
			t.Fatal(err)
		}
	}
	snooze := inbox.SnoozeInput{ConversationID: snoozed, Until: time.Now().Add(time.Hour)}
	if _, err := in.Snooze(ctx, ada, snooze); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Reopen(ctx, ada, inbox.ConversationInput{ConversationID: snoozed}); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Snooze(ctx, ada, snooze); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Resolve(ctx, ada, inbox.ResolveInput{ConversationID: resolved}); err != nil {
		t.Fatal(err)
	}
	w.Exec(`INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at) VALUES ($1, $2, $3, 1, 1, now())`,
		acme.ID.UUID(), agent, open)
	w.Exec(`WITH m AS (
	    INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, status, external_id, created_at)
	    SELECT $1, gen_random_uuid(), $2, $3, n, 'OUTBOUND', 'TEXT', CASE n WHEN 2 THEN 'DELIVERED' WHEN 3 THEN 'FAILED' ELSE 'QUEUED' END,
	      'out-' || n, now() FROM generate_series(2, 4) n RETURNING *
	  ), c AS (UPDATE conversations SET last_seq = 4, last_message_at = now() WHERE tenant_id = $1 AND id = $2
	  ), a AS (
	    INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, finished_at, outcome, external_id,
	      recipient) SELECT $1, gen_random_uuid(), id, $3, 1, now(), now(), 'ACCEPTED', external_id, '+491' FROM m WHERE seq < 4
	  ), d AS (
	    INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
	    SELECT $1, id, $3, $2, seq, 'READY', now(), now(), now() FROM m WHERE seq = 4)
	  INSERT INTO delivery_facts (tenant_id, message_id, kind, at, first_seen_at)
	  SELECT $1, id, f.kind, now(), now() FROM m JOIN (VALUES (2, 'SENT'), (2, 'FAILED'), (2, 'DELIVERED'), (3, 'SENT'), (3, 'FAILED')) f (n, kind)
	  ON f.n = m.seq`, acme.ID.UUID(), open, account)
	w.Exec(`UPDATE messages SET external_id = 'in-1' WHERE conversation_id = $1 AND direction = 'INBOUND'`, open)
	w.Exec(`INSERT INTO webhook_items (tenant_id, id, channel_account_id, provider, item_key, kind, raw, state, received_at, volume)
	  SELECT $1, gen_random_uuid(), $2, 'meta', 'in-1', 'MESSAGE', '\x00', state, now(), 1 FROM unnest(ARRAY['APPLIED', 'DUPLICATE', 'DUPLICATE']) state`,
		acme.ID.UUID(), account)
	w.Exec(`INSERT INTO webhook_items (tenant_id, id, channel_account_id, provider, item_key, kind, raw, state, received_at, volume)
	  SELECT $1, gen_random_uuid(), $2, 'meta', key, 'RECEIPT', '\x00', 'APPLIED', now(), 1 FROM unnest(ARRAY['out-2:delivered', 'out-9:read']) key`,
		acme.ID.UUID(), account)
	w.Exec(`INSERT INTO parked_facts (tenant_id, channel_account_id, external_id, kind, at, parked_at) VALUES ($1, $2, 'out-9', 'READ', now(), now())`,
		acme.ID.UUID(), account)
	w.Exec(`WITH e AS (
	    INSERT INTO events (tenant_id, seq, kind, at, actor_kind, message_id, message_status_before, message_status_after, volume)
	    SELECT $1, h.seq + row_number() OVER (ORDER BY m.seq, n), CASE n WHEN 1 THEN 'MESSAGE_CREATED' ELSE 'MESSAGE_STATUS_CHANGED' END, now(), 'SYSTEM',
	      m.id, CASE n WHEN 2 THEN 'QUEUED' END, CASE n WHEN 1 THEN 'QUEUED' ELSE m.status END, h.volume
	    FROM messages m JOIN tenant_heads h ON h.tenant_id = $1, generate_series(1, 2) n
	    WHERE m.tenant_id = $1 AND m.seq IN (2, 3) AND m.direction = 'OUTBOUND' RETURNING seq)
	  UPDATE tenant_heads SET seq = (SELECT max(seq) FROM e) WHERE tenant_id = $1`, acme.ID.UUID())
	if n, err := outbound.New(w.DB.Outbound(), outbound.Config{Clock: time.Now}).SealAudit(ctx, acme.ID); err != nil || n != 7 {
		t.Fatalf("sealed %d audit rows: %v", n, err)
	}
	return w
}

func violated(t *testing.T, w *inboxtest.World) []db.Finding {
	t.Helper()
	findings, err := w.DB.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wrong []db.Finding
	for _, f := range findings {
		if f.Violations > 0 {
			wrong = append(wrong, f)
		}
	}
	return wrong
}

func TestVerifyFindsNothingWhereAllIsRight(t *testing.T) {
	t.Parallel()
	if wrong := violated(t, lived(t)); len(wrong) > 0 {
		t.Errorf("found %+v", wrong)
	}
}

// A call whose outcome was unknown may be repeated before a late receipt proves that it was accepted: nobody knew.
func TestVerifyAllowsACallBeforeALateReceipt(t *testing.T) {
	t.Parallel()
	w := lived(t)
	w.Exec(`UPDATE delivery_attempts SET finished_at = finished_at - interval '1 hour'`)
	w.Exec(`INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome, recipient)
		SELECT tenant_id, gen_random_uuid(), message_id, channel_account_id, 2, now() - interval '1 minute', 'REJECTED', '' FROM delivery_attempts LIMIT 1`)
	if wrong := violated(t, w); len(wrong) > 0 {
		t.Errorf("found %+v", wrong)
	}
}

// Each promise is broken by hand, a line of the audit log among them, and verify says which one. (R63)
func TestVerifyFindsEachViolation(t *testing.T) {
	t.Parallel()
	const (
		events, replay, snooze  = "events are numbered", "events replayed", "every snooze ends once"
		resolved, pair          = "no resolved conversation", "at most one active"
		numbers, times, cursors = "numbered without gaps, and its counters", "times of the last message", "read cursors"
		status, lane, again     = "the status of a message", "waits in its lane", "called again"
		parked, applied, twice  = "no receipt is parked", "was applied took effect", "every duplicate"
		audit, fence            = "the audit log", "row security"
		orphan, first           = "every attempt and every fact", "that do not wait"
		change, fact            = "change of a message's status", "every receipt that was taken"
		account, queue          = "on the account of its conversation", "every row of the queue"
	)
	for name, c := range map[string]struct{ check, sql string }{
		"attempt alone":      {orphan, "UPDATE delivery_attempts SET message_id = gen_random_uuid() WHERE external_id = 'out-2'"},
		"fact alone":         {orphan, "INSERT INTO delivery_facts SELECT tenant_id, gen_random_uuid(), 'SENT', at, at FROM delivery_facts LIMIT 1"},
		"message astray":     {account, "UPDATE messages SET channel_account_id = gen_random_uuid() WHERE external_id = 'in-1'"},
		"item astray":        {account, "UPDATE webhook_items SET channel_account_id = gen_random_uuid()"},
		"queued elsewhere":   {queue, "UPDATE dispatches SET channel_account_id = gen_random_uuid()"},
		"queued for nothing": {queue, "UPDATE dispatches SET message_id = gen_random_uuid()"},
		"waits for nobody":   {first, "UPDATE dispatches SET waits = true"},
		"event missing":      {events, "DELETE FROM events WHERE seq = 2"},
		"last event missing": {events, "UPDATE tenant_heads SET seq = seq + 1 WHERE seq > 0"},
		"row without event":  {replay, "UPDATE conversations SET assignee_id = NULL WHERE status = 'OPEN'"},
		"event without row":  {replay, "UPDATE events SET status_before = 'RESOLVED' WHERE kind = 'CONVERSATION_SNOOZED' AND seq = 4"},
		"woken, not snoozed": {snooze, "UPDATE events SET cause = NULL WHERE kind = 'CONVERSATION_WOKEN'"},
		"snooze uncounted":   {snooze, "UPDATE conversations SET snooze_gen = 5 WHERE status = 'SNOOZED'"},
		"resolved over it":   {resolved, "UPDATE conversations SET resolved_at_seq = 0 WHERE status = 'RESOLVED'"},
		"two active": {pair, `DROP INDEX conversations_active_key; INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id,
			status, last_message_at, created_at) SELECT tenant_id, gen_random_uuid(), contact_id, channel_account_id, 'OPEN', now(), now()
			FROM conversations WHERE status = 'OPEN'`},
		"count too high":   {numbers, "UPDATE conversations SET inbound_count = 2 WHERE status = 'OPEN'"},
		"message too many": {numbers, "UPDATE messages SET seq = 9 WHERE seq = 2"},
		"time of nothing":  {times, "UPDATE conversations SET last_message_at = last_message_at - interval '1 s' WHERE status = 'OPEN'"},
		"no inbound time":  {times, "UPDATE conversations SET last_inbound_at = NULL WHERE status = 'OPEN'"},
		"cursor miscounts": {cursors, "UPDATE read_cursors SET inbound_no = 0"},
		"cursor too far":   {cursors, "UPDATE read_cursors SET seq = 99"},
		"status too low":   {status, "UPDATE messages SET status = 'SENT' WHERE status = 'DELIVERED'"},
		"fact missing":     {status, "DELETE FROM delivery_facts WHERE kind = 'FAILED' AND message_id IN (SELECT id FROM messages WHERE seq = 3)"},
		"change untold":    {change, "UPDATE events SET kind = 'ALERT_OPENED' WHERE message_status_after = 'DELIVERED'"},
		"change misjudged": {change, "UPDATE events SET message_status_before = 'SENT' WHERE message_status_after = 'DELIVERED'"},
		"receipt dropped":  {fact, "DELETE FROM delivery_facts WHERE kind = 'DELIVERED'"},
		"receipt unparked": {fact, "DELETE FROM parked_facts"},
		"lane row missing": {lane, "DELETE FROM dispatches"},
		"lane row left":    {lane, "UPDATE dispatches SET seq = 3, message_id = (SELECT id FROM messages WHERE seq = 3)"},
		"sent twice": {again, `INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome, recipient)
			SELECT tenant_id, gen_random_uuid(), message_id, channel_account_id, 2, now() + interval '1 s', 'SENDING', '' FROM delivery_attempts LIMIT 1`},
		"stranded receipt": {parked, `INSERT INTO parked_facts (tenant_id, channel_account_id, external_id, kind, at, parked_at)
			SELECT tenant_id, channel_account_id, external_id, 'READ', now(), now() FROM delivery_attempts WHERE external_id = 'out-2'`},
		"lost inbound":      {applied, "UPDATE webhook_items SET item_key = 'in-2'"},
		"applied twice":     {applied, "UPDATE webhook_items SET state = 'APPLIED'"},
		"lost first":        {twice, "DELETE FROM webhook_items WHERE state = 'APPLIED'"},
		"audit edited":      {audit, "UPDATE audit_log SET action = 'x' WHERE action = 'conversation.resolved'"},
		"audit removed":     {audit, "DELETE FROM audit_seals WHERE no = 3"},
		"audit actor":       {audit, "UPDATE audit_log SET actor_id = tenant_id WHERE id = (SELECT audit_id FROM audit_seals WHERE no = 2)"},
		"audit time":        {audit, "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = (SELECT audit_id FROM audit_seals WHERE no = 2)"},
		"audit subject":     {audit, "UPDATE audit_log SET subject_id = tenant_id WHERE id = (SELECT audit_id FROM audit_seals WHERE no = 2)"},
		"audit details":     {audit, "UPDATE audit_log SET details = details || '{\"x\": 1}' WHERE id = (SELECT audit_id FROM audit_seals WHERE no = 2)"},
		"audit correlation": {audit, "UPDATE audit_log SET correlation_id = 'x' WHERE id = (SELECT audit_id FROM audit_seals WHERE no = 2)"},
		"audit reordered":   {audit, "UPDATE audit_seals SET no = CASE no WHEN 1 THEN 9001 ELSE no END"},
		"fence open":        {fence, "ALTER TABLE teams NO FORCE ROW LEVEL SECURITY"},
		"fence gone":        {fence, "DROP POLICY tenant_isolation ON contacts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := lived(t)
			for _, statement := range strings.Split(c.sql, ";") {
				w.Exec(statement)
			}
			for _, f := range violated(t, w) {
				if strings.Contains(f.Check, c.check) && len(f.Examples) > 0 {
					return
				}
			}
			t.Errorf("not reported: %+v", violated(t, w))
		})
	}
}

// verifyIsLinear lets verify read a tenant of some size: events are not found by their conversation, so that one read of them for each conversation
// would never end where it matters.
func (f *filled) verifyIsLinear(t *testing.T) {
	const most = 1_000_000 // pages that a statement may touch: 30,000 messages have their facts looked up by key
	f.take()
	if _, err := f.db.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := f.take()
	if len(found) < 200 {
		t.Fatalf("%d statements were seen", len(found))
	}
	for _, p := range found {
		if pages := p.pages(); pages > most {
			t.Errorf("%.0f pages are touched:\n%s\n%s", pages, p.sql, p.nodes())
		}
	}
}
