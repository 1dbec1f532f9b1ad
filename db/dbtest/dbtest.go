// Package dbtest gives each test a database of its own: real Postgres, all migrations applied, and gone afterwards.
//
//	func TestClaim(t *testing.T) {
//		t.Parallel()
//		store := dbtest.New(t).DB
//		...
//	}
//
// The first test of a process starts a private Postgres (package embedded) with a migrated template database; every test's
// database is a copy of it, which takes some 15 ms. The server's files come from a copy in the user's cache folder
// (switchboard-test, one per schema), lie in /dev/shm where that is large, and are removed with the server when the test
// process ends, however that happens. fsync is off. DATABASE_URL and REDIS_URL are never looked at: a test must not be able to
// touch a database that somebody uses.
//
// The server's time zone is Asia/Kathmandu (+05:45), so that code which mixes up local and universal time fails here.
//
// SWITCHBOARD_TEST_KEEP=1 keeps databases and files; the log of each test then says where they are.
//
// One goroutine per server waits for it as long as the process lives; package leaktest knows it.
//
// Imports: db, embedded, migrations, pgx, go-redis. Only tests import this package.
package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
)

const (
	// AppRole is the login role of the product: it owns nothing and row security binds it.
	AppRole = "switchboard_app"

	template    = "switchboard_template"
	stepTimeout = 30 * time.Second
	maxConns    = 16 // per database; the server allows 500 for all of a process's parallel tests
)

// Database is a migrated, empty database that belongs to one test.
type Database struct {
	// Name is the database's name.
	Name string
	// OwnerURL connects as the superuser that owns the tables. Row security does not bind it.
	OwnerURL string
	// AppURL connects as AppRole, like the product does.
	AppURL string
	// DB is opened with AppURL.
	DB *db.DB
}

// New creates a database for t and drops it when t ends, whoever is still connected. It fails t when no Postgres is
// installed or when a migration fails.
func New(t testing.TB) *Database {
	t.Helper()
	d := Empty(t)
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	opened, err := db.Open(ctx, db.Config{URL: d.AppURL, MaxConns: maxConns, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("dbtest: open: %v", err)
	}
	t.Cleanup(opened.Close) // before the drop: cleanups run in reverse
	d.DB = opened
	return d
}

// Empty is New without opening DB, for tests that start programs of their own on the URLs.
func Empty(t testing.TB) *Database {
	t.Helper()
	s := shared.start(t)
	return s.create(t, template)
}

// Bare creates a database without any migration, for tests of the migrator itself.
func Bare(t testing.TB) *Database {
	t.Helper()
	s := shared.start(t)
	return s.create(t, "template0")
}

// create copies a database under a name that tells which test it belongs to.
func (s *server) create(t testing.TB, from string) *Database {
	t.Helper()
	name := s.name(t.Name())
	sql := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", quote(name), quote(from))
	if s.fileCopy && from == template {
		sql += " STRATEGY file_copy" // three times faster than the default for a small template
	}
	if err := s.admin(sql); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() { s.drop(t, name) })
	return &Database{Name: name, OwnerURL: s.postgres.URL(name), AppURL: s.postgres.UserURL(AppRole, name)}
}

func (s *server) drop(t testing.TB, name string) {
	if keep() {
		t.Logf("dbtest: kept database %s in %s", name, s.dir.path)
		return
	}
	if t.Failed() {
		t.Logf("dbtest: this test used database %s; SWITCHBOARD_TEST_KEEP=1 keeps it", name)
	}
	if err := s.admin("DROP DATABASE IF EXISTS " + quote(name) + " WITH (FORCE)"); err != nil {
		t.Errorf("dbtest: %v", err)
	}
}

// admin runs one statement on a connection of its own: a pool would keep goroutines and connections between tests.
func (s *server) admin(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

var unusual = regexp.MustCompile(`[^a-z0-9]+`)

// name returns a new database name that begins with the test's.
func (s *server) name(test string) string {
	readable := strings.Trim(unusual.ReplaceAllString(strings.ToLower(test), "_"), "_")
	return fmt.Sprintf("%.50s_%d", readable, s.databases.Add(1))
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func keep() bool { return os.Getenv("SWITCHBOARD_TEST_KEEP") == "1" }
