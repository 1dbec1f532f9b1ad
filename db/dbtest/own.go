package dbtest

import (
	"context"
	"log/slog"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// OwnPostgres starts a Postgres that only t uses, so that t may kill and restart it, and returns it with a migrated
// database whose DB is not opened. It takes most of a second, where New takes milliseconds. It is stopped when t ends.
func OwnPostgres(t testing.TB) (*embedded.Postgres, *Database) {
	t.Helper()
	const name = "own"
	ctx, cancel := context.WithTimeout(context.Background(), 2*stepTimeout)
	defer cancel()
	pg, err := embedded.StartPostgres(ctx, embedded.Options{Dir: ownDir(t), Database: name, Log: logger(t)})
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(context.Background()); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	if err := db.Migrate(ctx, pg.URL(name), logger(t)); err != nil {
		t.Fatalf("dbtest: migrate: %v", err)
	}
	return pg, &Database{Name: name, OwnerURL: pg.URL(name), AppURL: pg.UserURL(AppRole, name)}
}

// OwnPair starts a Postgres and a standby that confirms every commit, both only for t, and returns them with a migrated database whose
// addresses lead to whichever of them accepts writes. Its DB is not opened. They are stopped when t ends.
func OwnPair(t testing.TB) (primary, standby *embedded.Postgres, d *Database) {
	t.Helper()
	primary, d = OwnPostgres(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*stepTimeout)
	defer cancel()
	standby, err := embedded.StartStandby(ctx, embedded.Options{Dir: ownDir(t), Log: logger(t)}, primary)
	must(t, err)
	t.Cleanup(func() {
		if err := standby.Stop(context.Background()); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	conn, err := pgx.Connect(ctx, d.OwnerURL)
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	// After the copy was taken: the standby, once promoted, must not wait for another one.
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		_, err := conn.Exec(ctx, sql)
		must(t, err)
	}
	await(t, "the standby confirms", func(ctx context.Context) bool {
		var synchronous bool
		const sql = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'standby' AND sync_state = 'sync')"
		return conn.QueryRow(ctx, sql).Scan(&synchronous) == nil && synchronous
	})
	d.OwnerURL = eitherOf(t, primary.URL(d.Name), standby.URL(d.Name))
	d.AppURL = eitherOf(t, primary.UserURL(AppRole, d.Name), standby.UserURL(AppRole, d.Name))
	return primary, standby, d
}

// eitherOf returns the address of the server that accepts writes.
func eitherOf(t testing.TB, one, other string) string {
	t.Helper()
	u, err := url.Parse(one)
	must(t, err)
	second, err := url.Parse(other)
	must(t, err)
	q := u.Query()
	for _, part := range []string{"host", "port"} {
		q.Set(part, q.Get(part)+","+second.Query().Get(part))
	}
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

// PgBouncer starts a pooler in transaction mode before the server of d, which is Postgres pg, and returns the address of the product's role
// through it. It is stopped when t ends.
func PgBouncer(t testing.TB, pg *embedded.Postgres, d *Database) string {
	t.Helper()
	b, err := embedded.StartPgBouncer(context.Background(), embedded.Options{Dir: ownDir(t), Log: logger(t)}, pg, AppRole, "postgres")
	must(t, err)
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return b.UserURL(AppRole, d.Name)
}

// ownDir makes a directory for a server of one test, removed when the test or the process ends.
func ownDir(t testing.TB) string {
	t.Helper()
	dir, err := temporary()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := dir.remove(); err != nil {
			t.Errorf("dbtest: remove %s: %v", dir.path, err)
		}
	})
	return dir.path
}

// logger writes to the log of t.
func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
