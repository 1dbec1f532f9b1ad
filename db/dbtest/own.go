package dbtest

import (
	"context"
	"log/slog"
	"testing"

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
	if err := db.Migrate(ctx, pg.URL(name)); err != nil {
		t.Fatalf("dbtest: migrate: %v", err)
	}
	return pg, &Database{Name: name, OwnerURL: pg.URL(name), AppURL: pg.UserURL(AppRole, name)}
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
