package inbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// world is one test's database with tenants in it.
type world struct {
	*dbtest.Database
	t *testing.T
}

// house is one tenant with one WhatsApp account.
type house struct {
	world   *world
	tenant  inbox.TenantID
	account uuid.UUID
	ref     string // Meta's phone_number_id of the account
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{Database: dbtest.New(t), t: t}
}

// house adds a tenant whose account has the reference.
func (w *world) house(ref string) *house {
	w.t.Helper()
	h := &house{world: w, tenant: inbox.TenantOf(newID(w.t)), account: newID(w.t), ref: ref}
	w.exec(`INSERT INTO tenants (tenant_id, slug, name, created_at) VALUES ($1, $2, $2, now())`, h.tenant.UUID(), "t"+ref)
	w.exec(`INSERT INTO tenant_heads (tenant_id, epoch) VALUES ($1, $2)`, h.tenant.UUID(), newID(w.t))
	h.account = h.addAccount(ref)
	return h
}

func (h *house) addAccount(ref string) uuid.UUID {
	h.world.t.Helper()
	id := newID(h.world.t)
	h.world.exec(`INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, credentials_sealed, endpoint_id,
		created_at) VALUES ($1, $2, 'WHATSAPP', 'meta', $3, $3, '', $4, now())`, h.tenant.UUID(), id, ref, "endpoint-"+ref)
	return id
}

// agent adds a person who answers.
func (h *house) agent(name string) uuid.UUID {
	h.world.t.Helper()
	id := newID(h.world.t)
	h.world.exec(`INSERT INTO agents (tenant_id, id, email, email_folded, name, role, password_hash, created_at)
		VALUES ($1, $2, $3, $3, $3, 'AGENT', '', now())`, h.tenant.UUID(), id, name)
	return id
}

// exec runs a statement as the owner of the tables.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.owner(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

func (w *world) owner(fn func(context.Context, *pgx.Conn) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.OwnerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := fn(ctx, conn); err != nil {
		w.t.Fatal(err)
	}
}

// one returns the single value that a query of the owner finds.
func one[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	w.owner(func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(&v) })
	return v
}

// many returns the values of a one-column query of the owner.
func many[T any](w *world, sql string, args ...any) (vs []T) {
	w.t.Helper()
	w.owner(func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		vs, err = pgx.CollectRows(rows, pgx.RowTo[T])
		return err
	})
	return vs
}

// count returns the number of rows of a table.
func (w *world) count(table string) int64 {
	w.t.Helper()
	return one[int64](w, "SELECT count(*) FROM "+table)
}

func newID(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// eventually polls until the condition holds, for at most 10 seconds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come to pass within 10 seconds")
		}
	}
}
