package db_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// Every table that grows with messages says when it is cleaned; a new one has to be thought about. Tables that grow with people or
// accounts stay as Postgres has them.
func TestVacuumIsSetForEveryTableThatGrows(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	grows := []string{
		"audit_log", "conversations", "delivery_attempts", "delivery_facts", "dispatches", "events_1", "events_2", "idempotency_keys", "lanes",
		"messages", "parked_facts", "read_cursors", "tenant_heads", "webhook_items_1", "webhook_items_2",
	}
	const set = `SELECT count(*) FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace, 'history'::regnamespace) AND c.relkind = 'r'
		AND c.relname = ANY ($1) AND c.reloptions::text LIKE '%autovacuum%'`
	if n := w.Int(set, grows); n != int64(len(grows)) {
		t.Errorf("%d of %d tables say when they are cleaned", n, len(grows))
	}
	stays := []string{
		"agents", "alerts", "api_keys", "attachments", "audit_seals", "channel_accounts", "contact_identities", "contacts", "message_marks",
		"refresh_tokens", "team_members", "teams", "tenants",
	}
	const others = `SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace IN ('public'::regnamespace, 'history'::regnamespace) AND c.relkind = 'r' AND c.relname <> ALL ($1) AND c.relname <> ALL ($2)`
	if n := w.Int(others, grows, stays); n != 0 {
		t.Errorf("of %d new tables nobody said whether they grow with messages", n)
	}
}
