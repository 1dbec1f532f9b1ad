package embedded_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

func TestPostgresStartsAndKeepsDataOverRestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := options(t)
	pg := startPostgres(t, o)
	execute(t, pg.URL("shop"), "CREATE TABLE kept AS SELECT 'Łódź' AS town")
	if got := query(t, pg.URL("shop"), "SELECT count(*)::text FROM kept WHERE town ILIKE '%ŁÓ%'"); got != "1" {
		t.Errorf("case-insensitive search beyond ASCII found %s rows, want 1: wrong locale", got)
	}
	if got := query(t, pg.URL("shop"), "SHOW listen_addresses"); got != "" {
		t.Errorf("listen_addresses = %q, want none", got)
	}
	if err := pg.Stop(ctx); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	pg = startPostgres(t, o)
	t.Logf("second start took %v", time.Since(began))
	if got := query(t, pg.URL("shop"), "SELECT town FROM kept"); got != "Łódź" {
		t.Errorf("after a restart kept = %q", got)
	}
}

// options returns options with a data directory that other users can reach, unlike t.TempDir's.
func options(t *testing.T) embedded.Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "switchboard-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return embedded.Options{Dir: dir, Database: "shop", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func startPostgres(t *testing.T, o embedded.Options) *embedded.Postgres {
	t.Helper()
	pg, err := embedded.StartPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return pg
}

func startRedis(t *testing.T, o embedded.Options) *embedded.Redis {
	t.Helper()
	r, err := embedded.StartRedis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func execute(t *testing.T, url, sql string) {
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

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
