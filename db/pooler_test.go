package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// Behind a pooler a role that row security does not bind is refused rather than switched: the switch would meet one of many connections.
// LISTEN is refused too.
func TestPoolerIsNoticed(t *testing.T) {
	t.Parallel()
	pg, d := dbtest.OwnPostgres(t)
	pooled := dbtest.PgBouncer(t, pg, d)
	opened, err := db.Open(t.Context(), db.Config{URL: pooled})
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	owner := strings.Replace(pooled, dbtest.AppRole+"@", "postgres@", 1)
	if opened, err := db.Open(t.Context(), db.Config{URL: owner}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		if err == nil {
			opened.Close()
		}
		t.Errorf("the owner through a pooler: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := db.NewListener(db.ListenConfig{URL: pooled}).Run(ctx); err == nil || !strings.Contains(err.Error(), "LISTEN_DATABASE_URL") {
		t.Errorf("listening through a pooler: %v", err)
	}
}

// R53 through a pooler: many transactions of many tenants share few server connections; none of these keeps a setting or a prepared statement,
// and no transaction sees the rows of a tenant that the connection served before.
func TestPoolerKeepsNothing(t *testing.T) {
	t.Parallel()
	pg, d := dbtest.OwnPostgres(t)
	direct := d.AppURL
	d.AppURL = dbtest.PgBouncer(t, pg, d)
	opened, err := db.Open(t.Context(), db.Config{URL: d.AppURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	d.DB = opened
	w := inboxtest.On(t, d)
	done := make(chan error)
	const tenants = 12
	for i := range tenants {
		tenant := w.Tenant("tenant-" + string(rune('a'+i)))
		go func() {
			var err error
			for n := 0; n < 40 && err == nil; n++ {
				err = opened.InTenant(t.Context(), tenant.ID, func(tx inbox.Tx) error {
					own, err := tx.OwnTenant(t.Context())
					if err == nil && own.Slug != tenant.Slug {
						t.Errorf("%s sees %s", tenant.Slug, own.Slug)
					}
					tx.Record(inbox.Event{Kind: inbox.EventConversationAssigned, At: time.Now(), ActorKind: inbox.ActorSystem})
					return err
				})
			}
			done <- err
		}()
	}
	for range tenants {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := w.Int("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", dbtest.AppRole); n == 0 || n > 8 {
		t.Errorf("%d connections to the server, want 1 to 8", n)
	}
	conn, err := pgx.Connect(t.Context(), d.AppURL+"&default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for range 30 {
		var setting, role, timeout string
		var prepared int
		err := conn.QueryRow(t.Context(), `SELECT coalesce(current_setting('app.tenant_id', true), ''), current_user::text,
			current_setting('statement_timeout'), (SELECT count(*) FROM pg_prepared_statements)`).Scan(&setting, &role, &timeout, &prepared)
		if err != nil || setting != "" || role != dbtest.AppRole || timeout != "0" || prepared != 0 {
			t.Fatalf("tenant %q, role %s, timeout %s, %d prepared statements, %v", setting, role, timeout, prepared, err)
		}
	}
	if opened, err := db.Open(t.Context(), db.Config{URL: direct}); err != nil {
		t.Error(err)
	} else {
		opened.Close()
	}
}

// R72: a connection that turns out to lead to a read-only server is closed, not returned.
func TestReadOnlyConnectionIsDropped(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme").ID
	for name, sql := range map[string]string{
		"25006": "SET TRANSACTION READ ONLY; UPDATE tenant_heads SET seq = seq",
		"57P01": "SELECT pg_terminate_backend(pg_backend_pid())",
		"22012": "SELECT 1/0",
	} {
		var spoiled, back uint32
		err := w.DB.InTenant(t.Context(), tenant, func(tx inbox.Tx) error {
			var err error
			if spoiled, err = db.PidOf(t.Context(), tx); err != nil {
				return err
			}
			return db.RawExec(t.Context(), tx, sql)
		})
		if err == nil || fault.Is(err, fault.Unavailable) == (name == "22012") {
			t.Errorf("%s: %v", name, err)
		}
		db.EachIdle(t.Context(), w.DB, func(conn *pgx.Conn) {
			if pid := conn.PgConn().PID(); pid == spoiled {
				back = pid
			}
		})
		if (back != 0) != (name == "22012") {
			t.Errorf("after %s the connection came back: %v", name, back != 0)
		}
	}
}
