package dbtest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
)

func TestDatabasesAreMigratedAndSeparate(t *testing.T) {
	t.Parallel()
	a, b := dbtest.New(t), dbtest.New(t)
	exec(t, a.OwnerURL, "CREATE TABLE only_in_a (n int)")
	if got := query(t, b.OwnerURL, "SELECT (to_regclass('only_in_a') IS NULL)::text"); got != "true" {
		t.Error("a table of one database is seen in another")
	}
	if got := query(t, b.OwnerURL, "SELECT (to_regclass('conversations') IS NOT NULL)::text"); got != "true" {
		t.Error("conversations is missing: the template has no migrations")
	}
	if got := query(t, a.OwnerURL, "SHOW timezone"); got != "Asia/Kathmandu" {
		t.Errorf("time zone = %s", got)
	}
}

func TestAppRoleIsBoundByRowSecurityAndOwnsNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	if got := query(t, d.AppURL, "SELECT current_user::text"); got != dbtest.AppRole {
		t.Errorf("AppURL connects as %s", got)
	}
	sql := `SELECT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)::text FROM pg_roles WHERE rolname = current_user`
	if got := query(t, d.AppURL, sql); got != "false" {
		t.Error("the product's role has a power it must not have")
	}
	if got := query(t, d.AppURL, "SELECT count(*)::text FROM pg_class WHERE relowner = current_user::regrole"); got != "0" {
		t.Errorf("the product's role owns %s relations", got)
	}
}

func TestDatabaseIsDroppedThoughSomebodyIsConnected(t *testing.T) {
	t.Parallel()
	var gone string
	keeper := dbtest.Bare(t)
	t.Run("inner", func(t *testing.T) {
		d := dbtest.Empty(t)
		gone = d.Name
		conn, err := pgx.Connect(t.Context(), d.OwnerURL)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn // left open on purpose
	})
	sql := fmt.Sprintf("SELECT count(*)::text FROM pg_database WHERE datname = '%s'", gone)
	if got := query(t, keeper.OwnerURL, sql); got != "0" {
		t.Errorf("database %s is still there", gone)
	}
}

func TestRedisDatabasesAreSeparate(t *testing.T) {
	t.Parallel()
	a, b := client(t, dbtest.Redis(t)), client(t, dbtest.Redis(t))
	if err := a.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("the other database holds %d keys (%v), want 0", n, err)
	}
	own := client(t, dbtest.OwnRedis(t).URL())
	if err := own.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := a.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("k = %q after another server was wiped", got)
	}
}

func TestOwnPostgresSurvivesACrash(t *testing.T) {
	t.Parallel()
	pg, d := dbtest.OwnPostgres(t)
	exec(t, d.OwnerURL, "CREATE TABLE kept (n int)")
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), d.AppURL); err == nil {
		t.Fatal("a killed server still answers")
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, d.OwnerURL, "SELECT (to_regclass('kept') IS NOT NULL)::text"); got != "true" {
		t.Error("the table is gone after a crash")
	}
}

func TestManyDatabasesAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	t.Run("all", func(t *testing.T) {
		for range 8 {
			t.Run("the same name", func(t *testing.T) {
				t.Parallel()
				d := dbtest.Empty(t)
				mu.Lock()
				defer mu.Unlock()
				seen[d.Name] = true
			})
		}
	})
	if len(seen) != 8 {
		t.Errorf("8 tests got %d databases", len(seen))
	}
}

func BenchmarkNew(b *testing.B) {
	dbtest.Empty(b)
	b.ResetTimer()
	for b.Loop() {
		dbtest.Empty(b)
	}
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
