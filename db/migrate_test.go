package db_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// TestMigrationKeepsHistory fills a database as an earlier build left it, and migrates it.
func TestMigrationKeepsHistory(t *testing.T) {
	t.Parallel()
	bare := dbtest.Bare(t)
	if err := db.MigrateWith(t.Context(), bare.OwnerURL, until(t, "0013")); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), bare.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	old := `WITH t AS (INSERT INTO tenants (tenant_id, slug, name, created_at) VALUES (gen_random_uuid(), 'acme', 'Acme', now()) RETURNING tenant_id),
		h AS (INSERT INTO tenant_heads (tenant_id, seq, epoch) SELECT tenant_id, 3, gen_random_uuid() FROM t),
		a AS (INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, credentials_sealed, endpoint_id, created_at)
			SELECT tenant_id, gen_random_uuid(), 'WHATSAPP', 'meta', '1', 'Main', '', 'e', now() FROM t RETURNING tenant_id, id),
		e AS (INSERT INTO events (tenant_id, seq, kind, at, actor_kind) SELECT tenant_id, no, 'ALERT_OPENED', now(), 'SYSTEM' FROM t, generate_series(1, 3) no),
		u AS (INSERT INTO app.unrouted_webhook_items VALUES (gen_random_uuid(), 'meta', '2', 'k', '', 'r', now()))
		INSERT INTO webhook_items (tenant_id, id, channel_account_id, provider, kind, state, received_at)
			SELECT tenant_id, gen_random_uuid(), id, 'meta', 'NOTICE', 'APPLIED', now() - interval '12 days' FROM a`
	if _, err := conn.Exec(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), bare.OwnerURL, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	const kept = `SELECT format('%s %s %s %s', (SELECT count(*) FROM events WHERE volume = 1), (SELECT count(*) FROM webhook_items WHERE volume = 1),
		(SELECT count(*) FROM app.unrouted_webhook_items WHERE volume = 1), (SELECT round(extract(epoch FROM now() - opened_at) / 86400) FROM app.volumes WHERE volume = 1))`
	var got string
	if err := conn.QueryRow(t.Context(), kept).Scan(&got); err != nil || got != "3 1 1 12" {
		t.Errorf("after the migration there are %s, %v; want 3 events, an item of each journal, and a volume of 12 days", got, err)
	}
	for table, columns := range map[string]string{
		"events (tenant_id, seq, kind, at, actor_kind)":                                              "tenant_id, 4, 'ALERT_OPENED', now(), 'SYSTEM'",
		"webhook_items (tenant_id, id, channel_account_id, provider, kind, state, received_at)":      "tenant_id, gen_random_uuid(), id, 'meta', 'NOTICE', 'APPLIED', now()",
		"app.unrouted_webhook_items (id, provider, account_ref, item_key, raw, reason, received_at)": "gen_random_uuid(), 'meta', '2', 'k', '', 'r', now()",
	} {
		_, err := conn.Exec(t.Context(), "INSERT INTO "+table+" SELECT "+columns+" FROM channel_accounts")
		if err == nil || !strings.Contains(err.Error(), "no partition") {
			t.Errorf("a statement that says no volume puts rows into %s: %v", table, err)
		}
	}
}

// TestManyMigrateAtOnce lets three processes find a database that lacks migrations, among them one that builds indexes beside those who write, after
// somebody was stopped in the middle of that: an index of the name is there and is not the one that is wanted.
func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	bare := dbtest.Bare(t)
	if err := db.MigrateWith(t.Context(), bare.OwnerURL, until(t, "0017")); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), bare.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "CREATE INDEX conversations_assigned_idx ON conversations (id)"); err != nil {
		t.Fatal(err)
	}
	var all errgroup.Group
	for range 3 {
		all.Go(func() error { return db.Migrate(t.Context(), bare.OwnerURL, slog.New(slog.DiscardHandler)) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	var newest int64
	var index string
	const found = `SELECT (SELECT max(version_id) FROM goose_db_version), pg_get_indexdef(indexrelid) FROM pg_index
		WHERE indexrelid = 'conversations_assigned_idx'::regclass AND indisvalid`
	if err := conn.QueryRow(t.Context(), found).Scan(&newest, &index); err != nil || newest < 17 || !strings.Contains(index, "assignee_id IS NOT NULL") {
		t.Errorf("migration %d is the newest, the index is %q, %v", newest, index, err)
	}
}

// until returns the migrations before the one with the number.
func until(t *testing.T, number string) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	entries, err := fs.ReadDir(migrations.Files, ".")
	for _, entry := range entries {
		if entry.Name() < number {
			text, readErr := fs.ReadFile(migrations.Files, entry.Name())
			err = errors.Join(err, readErr)
			some[entry.Name()] = &fstest.MapFile{Data: text}
		}
	}
	if err != nil || len(some) == 0 {
		t.Fatal(fmt.Errorf("%d migrations: %w", len(some), err))
	}
	return some
}
