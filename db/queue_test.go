package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// deepQueue queues n messages in one conversation and, behind them, one in each of n others.
func deepQueue(w *inboxtest.World, tenant *inboxtest.Tenant, account uuid.UUID, n int) {
	one := tenant.Conversation(account)
	w.Exec(`WITH c AS (
	    INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, status, resolved_at, resolved_at_seq, last_message_at, created_at)
	    SELECT tenant_id, gen_random_uuid(), contact_id, channel_account_id, 'RESOLVED', now(), 0, now(), now()
	    FROM conversations, generate_series(1, $2) WHERE id = $1 RETURNING *
	  ), queued AS (
	    SELECT tenant_id, id, channel_account_id, 1 AS seq, interval '0' AS after FROM c
	    UNION ALL
	    SELECT tenant_id, id, channel_account_id, 1 + n, interval '1 hour' FROM conversations, generate_series(1, $2) n WHERE id = $1
	  ), m AS (
	    INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, status, created_at)
	    SELECT tenant_id, gen_random_uuid(), id, channel_account_id, seq, 'OUTBOUND', 'TEMPLATE', '', 'QUEUED', now() - after FROM queued RETURNING *)
	  INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at, waits)
	  SELECT tenant_id, id, channel_account_id, conversation_id, seq, 'READY', created_at, created_at, created_at + interval '1 day', seq > 2 FROM m`,
		one, n)
}

// scanned returns how many rows of the queue a claim of 32 reads.
func scanned(t *testing.T, conn *pgx.Conn, tenant, account uuid.UUID) (rows float64) {
	t.Helper()
	prepareClaim(t, conn)
	defer func() { _, _ = conn.Exec(context.Background(), "DEALLOCATE claim") }()
	return executeClaim(t, conn, tenant, account, "d", "d_1", "e")
}

func prepareClaim(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "PREPARE claim (uuid, uuid, uuid[], interval, interval, boolean) AS "+db.Claim, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

// executeClaim executes the prepared claim as a transaction of the product does, undoes it, and returns how many rows of the queue it has read
// under these names.
func executeClaim(t *testing.T, conn *pgx.Conn, tenant, account uuid.UUID, names ...string) (rows float64) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	ids := make([]string, 32)
	for i := range ids {
		ids[i] = inboxtest.NewID().String()
	}
	if _, err := tx.Exec(t.Context(), db.Settings, tenant.String()); err != nil {
		t.Fatal(err)
	}
	var text []byte
	explain := fmt.Sprintf("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim ('%s', '%s', '{%s}', '60 s', '10 s', true)", tenant, account, strings.Join(ids, ","))
	if err := tx.QueryRow(t.Context(), explain, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan any }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	each(plans[0].Plan, func(node map[string]any) {
		name, _ := node["Alias"].(string)
		if node["Relation Name"] == "dispatches" && node["Node Type"] != "ModifyTable" && slices.Contains(names, name) {
			removed, _ := node["Rows Removed by Filter"].(float64)
			rows += (node["Actual Rows"].(float64) + removed) * node["Actual Loops"].(float64)
		}
	})
	return rows
}

// each calls fn with every node of a plan.
func each(plan any, fn func(map[string]any)) {
	node, ok := plan.(map[string]any)
	if !ok {
		return
	}
	fn(node)
	children, _ := node["Plans"].([]any)
	for _, child := range children {
		each(child, fn)
	}
}

// A claim reads as many rows as it takes, whatever is queued: neither a long queue nor thousands of messages to one person make it slower.
func TestClaimReadsWhatItTakes(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme")
	account := tenant.Account("main", nil)
	const n = 5000
	deepQueue(w, tenant, account, n)
	w.Exec("ANALYZE dispatches")
	conn, err := pgx.Connect(t.Context(), w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if read := scanned(t, conn, tenant.ID.UUID(), account); read < 64 || read > 200 {
		t.Errorf("a claim of 32 reads %.0f rows of the queue", read)
	}
	w.Exec("UPDATE dispatches SET waits = false")
	if read := scanned(t, conn, tenant.ID.UUID(), account); read < n {
		t.Errorf("where nobody waits a claim reads %.0f rows; the test does not see what it is for", read)
	}
}

// A plan that was made while the queue was empty looks for what stands before a message no longer, however long the queue is when it is used.
func TestClaimPlannedOnAnEmptyQueue(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme")
	account := tenant.Account("main", nil)
	conn, err := pgx.Connect(t.Context(), w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	prepareClaim(t, conn)
	if read := executeClaim(t, conn, tenant.ID.UUID(), account, "d"); read != 0 {
		t.Fatalf("%.0f rows of an empty queue", read)
	}
	deepQueue(w, tenant, account, 2000)
	if read := executeClaim(t, conn, tenant.ID.UUID(), account, "d"); read < 32 || read > 64 {
		t.Errorf("a claim of 32 reads %.0f rows of the lane", read)
	}
	if read := executeClaim(t, conn, tenant.ID.UUID(), account, "e"); read > 64 {
		t.Errorf("a claim of 32 reads %.0f rows to know what stands before them", read)
	}
}
