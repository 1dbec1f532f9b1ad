package db_test

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// filled is a database in which two businesses have 15,000 conversations and 75,000 messages each, beside 200 small ones, and which explains every
// statement that it executes.
type filled struct {
	*inboxtest.World
	t      *testing.T
	db     *db.DB
	tenant inbox.TenantID

	mu    sync.Mutex
	plans []plan // since take was called last
}

// plan is how a statement was executed.
type plan struct {
	sql  string
	root map[string]any
}

// of returns the id of the tenant's nth row of a kind; the SQL of fill makes ids in the same way. Like the ids that the product makes they grow.
func of(kind string, n int) (id uuid.UUID) {
	id = md5.Sum([]byte("1" + kind))
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// fill is executed where triggers rest, so that foreign keys are not looked up a million times. Accounts, agents and teams take turns; every seventh
// conversation is resolved, every eleventh snoozed, every second unassigned.
const fill = `
CREATE FUNCTION pg_temp.of(t int, kind text, n int) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (left(md5(t || kind), 16) || lpad(to_hex(n), 16, '0'))::uuid $$;
INSERT INTO tenants (tenant_id, slug, name, created_at) SELECT pg_temp.of(t, 'tenant', 0), 'business-' || t, '', now() FROM generate_series(1, 202) t;
INSERT INTO tenant_heads (tenant_id, epoch, seq, volume) SELECT pg_temp.of(t, 'tenant', 0), gen_random_uuid(), CASE WHEN t < 3 THEN 30000 ELSE 50 END, 2
  FROM generate_series(1, 202) t;
INSERT INTO teams (tenant_id, id, name, created_at) SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'team', n), n, now()
  FROM generate_series(1, 202) t, generate_series(0, 3) n;
INSERT INTO agents (tenant_id, id, email, email_folded, name, role, password_hash, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'agent', n), n, n, n, 'AGENT', '', now() FROM generate_series(1, 202) t, generate_series(0, 19) n;
INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, team_id, credentials_sealed, endpoint_id, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'account', n), 'WHATSAPP', 'meta', t || '-' || n, n, CASE WHEN n > 0 THEN pg_temp.of(t, 'team', n % 4) END,
    '', t || '-' || n, now() FROM generate_series(1, 202) t, generate_series(0, 9) n;
INSERT INTO contacts (tenant_id, id, name, created_at) SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'contact', n), 'Kim', now()
  FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 14999 ELSE 9 END) n;
INSERT INTO contact_identities (tenant_id, kind, value, contact_id, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), 'PHONE', '+49' || 1000000 + n, pg_temp.of(t, 'contact', n), now() FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 14999 ELSE 9 END) n;
INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, team_id, status, assignee_id, last_seq, inbound_count, last_message_at, last_inbound_at, preview,
    snoozed_until, resolved_at, resolved_at_seq, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'conversation', n), pg_temp.of(t, 'contact', n), pg_temp.of(t, 'account', n % 10),
    CASE WHEN n % 10 > 0 THEN pg_temp.of(t, 'team', n % 10 % 4) END, status, CASE WHEN n % 2 = 0 THEN pg_temp.of(t, 'agent', n / 10 % 20) END, 5, 3,
    now() - n * interval '1 minute', now() - n * interval '1 minute', 'the beginning of a message', CASE status WHEN 'SNOOZED' THEN now() + n * interval '1 s' END,
    CASE status WHEN 'RESOLVED' THEN now() END, CASE status WHEN 'RESOLVED' THEN 5 END, now() - n * interval '1 minute'
  FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 14999 ELSE 9 END) n,
    LATERAL (SELECT CASE WHEN n % 7 = 0 THEN 'RESOLVED' WHEN n % 11 = 0 THEN 'SNOOZED' ELSE 'OPEN' END AS status) s;
INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, inbound_no, direction, kind, text, external_id, status, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'message', n), pg_temp.of(t, 'conversation', n / 5), pg_temp.of(t, 'account', n / 5 % 10), n % 5 + 1,
    CASE WHEN n % 5 < 3 THEN n % 5 + 1 END, CASE WHEN n % 5 < 3 THEN 'INBOUND' ELSE 'OUTBOUND' END, 'TEXT', 'some words of a person to another', 'wamid.' || n,
    CASE WHEN n % 5 < 3 THEN 'RECEIVED' ELSE 'DELIVERED' END, now() - n / 5 * interval '1 minute' FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 74999 ELSE 49 END) n;
INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome, external_id)
  SELECT tenant_id, id, id, channel_account_id, 1, created_at, 'ACCEPTED', external_id FROM messages WHERE direction = 'OUTBOUND' AND seq = 4;
INSERT INTO delivery_facts (tenant_id, message_id, kind, at, first_seen_at)
  SELECT tenant_id, id, 'SENT', created_at, created_at FROM messages WHERE direction = 'OUTBOUND' AND seq = 4;
INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at)
  SELECT tenant_id, assignee_id, id, 5, 3, now() FROM conversations WHERE assignee_id IS NOT NULL;
INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
  SELECT tenant_id, id, channel_account_id, conversation_id, seq, 'READY', now() - interval '1 s', now() - interval '1 s', now() + interval '1 day'
  FROM messages WHERE seq = 5 AND created_at > now() - interval '50 hours';
INSERT INTO attachments (tenant_id, id, message_id, channel_account_id, provider_media, state, created_at)
  SELECT tenant_id, id, id, channel_account_id, '{}', 'STORED', created_at FROM messages WHERE seq = 1 AND created_at > now() - interval '50 hours';
INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, text, external_id, raw, provider_at, created_at)
  SELECT tenant_id, id, channel_account_id, conversation_id, external_id, 'REACTION', '+', 'mark.' || external_id, '', created_at, created_at FROM messages WHERE seq = 2 AND created_at > now() - interval '50 hours';
INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, text, external_id, raw, created_at)
  SELECT tenant_id, pg_temp.of(1, 'mark', n), channel_account_id, conversation_id, external_id, CASE WHEN n % 2 = 0 THEN 'REACTION' ELSE 'EDIT' END, n, 'again.' || n, '', created_at + n * interval '1 s'
  FROM messages, generate_series(1, 5000) n WHERE tenant_id = pg_temp.of(1, 'tenant', 0) AND id = pg_temp.of(1, 'message', 500);
UPDATE app.volumes SET opened_at = now(), made_at = now() - interval '1 hour' WHERE volume = 2;
INSERT INTO events (volume, tenant_id, seq, kind, at, actor_kind, conversation_id, message_id)
  SELECT 1 + n / 15001, pg_temp.of(t, 'tenant', 0), n, 'MESSAGE_RECEIVED', now(), 'CONTACT', pg_temp.of(t, 'conversation', n % 15000), pg_temp.of(t, 'message', n)
  FROM generate_series(1, 202) t, generate_series(1, CASE WHEN t < 3 THEN 30000 ELSE 50 END) n;
INSERT INTO webhook_items (volume, tenant_id, id, channel_account_id, provider, item_key, kind, raw, state, received_at)
  SELECT 1 + n / 5000, pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'item', n), pg_temp.of(t, 'account', n % 10), 'meta', 'wamid.' || n, 'MESSAGE', '{}',
    CASE WHEN n % 1000 = 0 THEN 'QUARANTINED' ELSE 'APPLIED' END, now() - n * interval '1 s' FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 9999 ELSE 9 END) n;
INSERT INTO idempotency_keys (tenant_id, actor_id, key, operation, request_hash, created_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'agent', 0), n, 'sendMessage', '', now() FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 4999 ELSE 9 END) n;
INSERT INTO audit_log (tenant_id, id, at, actor_kind, action, subject_kind)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'audit', n), now() - n * interval '1 minute', 'AGENT', 'x', 'y' FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 4999 ELSE 9 END) n;
INSERT INTO audit_seals (tenant_id, no, audit_id, hash)
  SELECT pg_temp.of(t, 'tenant', 0), 5000 - n, pg_temp.of(t, 'audit', n), '' FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 4999 ELSE 9 END) n;
INSERT INTO parked_facts (tenant_id, channel_account_id, external_id, kind, at, parked_at)
  SELECT pg_temp.of(t, 'tenant', 0), pg_temp.of(t, 'account', n % 10), 'early.' || n, 'DELIVERED', now(), now() FROM generate_series(1, 202) t, generate_series(0, CASE WHEN t < 3 THEN 2999 ELSE 0 END) n;`

// newFilled returns a filled database that ends with the test.
func newFilled(t *testing.T) *filled {
	t.Helper()
	f := &filled{t: t, World: inboxtest.New(t), tenant: inbox.TenantOf(of("tenant", 0))}
	conn, err := pgx.Connect(t.Context(), f.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	explain := "LOAD 'auto_explain'; SET session_replication_role = replica;"
	for _, set := range []string{
		"session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on", "auto_explain.log_buffers = on",
		"auto_explain.log_timing = off", "auto_explain.log_format = 'json'", "auto_explain.log_level = 'notice'", "auto_explain.log_nested_statements = on",
	} {
		explain += "ALTER DATABASE " + pgx.Identifier{f.Name}.Sanitize() + " SET " + set + ";"
	}
	for _, sql := range []string{explain, fill, "VACUUM ANALYZE"} {
		if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	f.db, err = db.OpenNoticing(t.Context(), db.Config{URL: f.AppURL}, func(text string) { f.keep(t, text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.db.Close)
	return f
}

// keep keeps the plan that a notice of auto_explain holds.
func (f *filled) keep(t *testing.T, text string) {
	_, text, ok := strings.Cut(text, "plan:\n")
	if !ok {
		return
	}
	var found struct {
		SQL  string         `json:"Query Text"`
		Root map[string]any `json:"Plan"`
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = append(f.plans, plan{sql: found.SQL, root: found.Root})
}

// list returns the one text column that SQL yields.
func (f *filled) list(sql string) []string {
	conn, err := pgx.Connect(f.t.Context(), f.OwnerURL)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(f.t.Context(), sql)
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

// take returns the plans since it was called last.
func (f *filled) take() []plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.plans
	f.plans = nil
	return taken
}
