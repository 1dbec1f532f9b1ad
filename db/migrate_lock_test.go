package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// beside is a database with one migration to go, and a transaction that reads a table of it for as long as it likes, as pg_dump does.
type beside struct {
	database      *dbtest.Database
	files         fs.FS
	reader, other *pgx.Conn
	told          chan string
	ended         chan error
}

func newBeside(t *testing.T, pending string) *beside {
	t.Helper()
	files := until(t, "9").(fstest.MapFS)
	files["9999_pending.sql"] = &fstest.MapFile{Data: []byte(pending)}
	return besideOf(t, dbtest.New(t), files, "lanes")
}

// besideOf has somebody read the table of the database until its reader ends his transaction.
func besideOf(t *testing.T, database *dbtest.Database, files fs.FS, table string) *beside {
	t.Helper()
	b := &beside{database: database, files: files, told: make(chan string, 1000), ended: make(chan error, 1)}
	for _, conn := range []**pgx.Conn{&b.reader, &b.other} {
		var err error
		if *conn, err = pgx.Connect(t.Context(), b.database.OwnerURL); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*conn).Close(context.Background()) })
	}
	b.exec(t, b.reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE "+table+" IN ACCESS SHARE MODE; SELECT FROM "+table)
	b.exec(t, b.other, "SET statement_timeout = '10s'")
	return b
}

// Write implements io.Writer: what the migration tells.
func (b *beside) Write(line []byte) (int, error) {
	b.told <- string(line)
	return len(line), nil
}

func (b *beside) migrate(t *testing.T, whole time.Duration) {
	t.Helper()
	go func() {
		b.ended <- db.MigrateHurried(t.Context(), b.database.OwnerURL, b.files, whole, slog.New(slog.NewTextHandler(b, nil)))
	}()
}

func (b *beside) exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// holds waits until a condition holds, while the migration runs.
func (b *beside) holds(t *testing.T, condition string) {
	t.Helper()
	for give := time.Now().Add(30 * time.Second); time.Now().Before(give); {
		var is bool
		if err := b.other.QueryRow(t.Context(), "SELECT "+condition+" FROM pg_sleep(0.01)").Scan(&is); err != nil || is {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("in 30 s it was never so that %s", condition)
}

const half = "-- +goose Up\nCREATE TABLE half (id int);\nALTER TABLE lanes ADD COLUMN half int;\n"

// TestMigrationLetsOthersPass migrates a table that a long transaction reads: whoever comes after the migration is not held up for long.
func TestMigrationLetsOthersPass(t *testing.T) {
	t.Parallel()
	b := newBeside(t, half)
	b.migrate(t, time.Minute)
	b.holds(t, "EXISTS (SELECT FROM pg_locks WHERE relation = 'lanes'::regclass AND NOT granted)")
	give := time.After(30 * time.Second)
	for named := 0; named < 3; {
		b.exec(t, b.other, "SELECT FROM lanes")
		select {
		case line := <-b.told:
			named += b.named(t, line)
		case err := <-b.ended:
			t.Fatalf("the migration ended while somebody read its table: %v", err)
		case <-give:
			t.Fatal("in 30 s it did not tell three times for whom it waits")
		}
	}
	b.exec(t, b.reader, "ROLLBACK")
	if err := <-b.ended; err != nil {
		t.Fatal(err)
	}
	b.holds(t, "EXISTS (SELECT half FROM lanes) IS NOT NULL AND NOT EXISTS (SELECT FROM half)")
}

// named counts a line that tells for whom the migration waits. A try that nobody looked at in time may say less, and nothing that is not so.
func (b *beside) named(t *testing.T, line string) int {
	t.Helper()
	if strings.Contains(line, "9999_pending.sql") && strings.Contains(line, `lock="a lock" held_by="an open transaction"`) {
		return 0
	}
	for _, want := range []string{"9999_pending.sql", "AccessExclusiveLock on lanes", fmt.Sprintf("process %d ", b.reader.PgConn().PID())} {
		if !strings.Contains(line, want) {
			t.Errorf("of a lock that is not free it tells %s, want %q in it", line, want)
		}
	}
	return 1
}

// TestMigrationNamesTheLockThatIsNotFree lets the transaction read for ever.
func TestMigrationNamesTheLockThatIsNotFree(t *testing.T) {
	t.Parallel()
	b := newBeside(t, half)
	b.migrate(t, 2*time.Second)
	err := <-b.ended
	reader := fmt.Sprintf("process %d ", b.reader.PgConn().PID())
	for _, want := range []string{"9999_pending.sql", "AccessExclusiveLock on lanes", reader, "pg_terminate_backend", "SQLSTATE 55P03"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it ended with %v, want %q in it", err, want)
		}
	}
	b.holds(t, "to_regclass('half') IS NULL")
	b.exec(t, b.reader, "ROLLBACK")
	if err := db.MigrateWith(t.Context(), b.database.OwnerURL, b.files); err != nil {
		t.Errorf("after the transaction has ended: %v", err)
	}
}

// TestParentsAreNotHeldWhileMessagesAreRead runs the migration that needs the most tables at once beside a long look at the one that is read the longest:
// while it waits for that, it holds none that others ask for.
func TestParentsAreNotHeldWhileMessagesAreRead(t *testing.T) {
	t.Parallel()
	bare := dbtest.Bare(t)
	if err := db.MigrateWith(t.Context(), bare.OwnerURL, until(t, "0028")); err != nil {
		t.Fatal(err)
	}
	b := besideOf(t, bare, until(t, "0029"), "messages")
	b.migrate(t, time.Minute)
	waits, held := 0, ""
	for give := time.Now().Add(30 * time.Second); waits < 3 && time.Now().Before(give); {
		var waiting bool
		if err := b.other.QueryRow(t.Context(), `SELECT count(w.pid) > 0, coalesce(string_agg(h.relation::regclass::text, ', '), '') FROM pg_sleep(0.02), pg_locks w
			LEFT JOIN pg_locks h ON h.pid = w.pid AND h.granted AND h.mode = 'AccessExclusiveLock' AND h.relation IS NOT NULL
			WHERE w.relation = 'messages'::regclass AND NOT w.granted`).Scan(&waiting, &held); err != nil {
			t.Fatal(err)
		}
		if held != "" {
			t.Fatalf("while it waits for messages it holds %s", held)
		}
		if waiting {
			waits++
		}
	}
	if waits < 3 {
		t.Error("in 30 s it was hardly seen to wait for messages")
	}
	b.exec(t, b.reader, "ROLLBACK")
	if err := <-b.ended; err != nil {
		t.Fatal(err)
	}
}

// Only what nobody waits behind may wait for its locks as long as it likes: a migration that is no transaction builds and drops indexes beside those
// who write, and does nothing else.
func TestWhatIsNotHurriedHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	patient := 0
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("-- +goose NO TRANSACTION")) {
			continue
		}
		patient++
		for statement := range strings.SplitSeq(regexp.MustCompile(`--[^\n]*`).ReplaceAllString(string(text), ""), ";") {
			if statement = strings.TrimSpace(statement); statement != "" && !strings.Contains(statement, "INDEX CONCURRENTLY") {
				t.Errorf("%s is not hurried: %s", name, statement)
			}
		}
	}
	if patient == 0 {
		t.Error("no migration is without a transaction")
	}
}

// TestIndexBesideOthersIsNotHurried builds an index beside a long transaction: nobody waits behind it, so it waits longer than others may.
func TestIndexBesideOthersIsNotHurried(t *testing.T) {
	t.Parallel()
	b := newBeside(t, "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY half ON lanes (failures);\n")
	b.migrate(t, time.Minute)
	b.holds(t, `EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY half%'
		AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '1 second')`)
	b.exec(t, b.reader, "ROLLBACK")
	if err := <-b.ended; err != nil {
		t.Fatal(err)
	}
	if len(b.told) > 0 {
		t.Errorf("it was begun again: %s", <-b.told)
	}
}

// othersWait has the other one wait for what the reader holds, and returns who waits and what comes of it; the reader is the one to ask from here on.
func (b *beside) othersWait(t *testing.T) (process uint32, freed chan error) {
	t.Helper()
	waiter, freed := b.other, make(chan error, 1)
	go func() {
		_, err := waiter.Exec(t.Context(), "BEGIN; LOCK TABLE lanes IN ACCESS EXCLUSIVE MODE; COMMIT")
		freed <- err
	}()
	b.other = b.reader
	process = waiter.PgConn().PID()
	b.holds(t, fmt.Sprintf("EXISTS (SELECT FROM pg_locks WHERE pid = %d AND NOT granted)", process))
	return process, freed
}

// clumsy is a tracer that panics in the first statement, and tells that the others have ended.
type clumsy struct {
	begun atomic.Int64
	ended chan struct{}
}

func (c *clumsy) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if c.begun.Add(1) == 1 {
		panic("clumsy")
	}
	return ctx
}

func (c *clumsy) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {
	c.ended <- struct{}{}
}

// TestWatchingLocksEndsNothing lets a look at locks panic: the process goes on, and the next look sees what that one did not.
func TestWatchingLocksEndsNothing(t *testing.T) {
	t.Parallel()
	b := newBeside(t, half)
	waiter, freed := b.othersWait(t)
	config, err := pgx.ParseConfig(b.database.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	tracer := &clumsy{ended: make(chan struct{}, 1000)}
	config.Tracer = tracer
	stop := db.WatchLocks(t.Context(), config, waiter)
	select {
	case <-tracer.ended:
	case <-time.After(20 * time.Second):
		t.Error("nobody looks any more")
	}
	lock, holders := stop()
	if lock != "AccessExclusiveLock on lanes" || !strings.Contains(holders, fmt.Sprintf("process %d ", b.reader.PgConn().PID())) {
		t.Errorf("it saw %q, held by %q", lock, holders)
	}
	b.exec(t, b.reader, "ROLLBACK")
	if err := <-freed; err != nil {
		t.Error(err)
	}
}

// TestWaitThatIsOverBlamesNobody answers the question who is in the way in each way that Postgres may: between two questions a wait may end, and then
// nobody is in the way any more.
func TestWaitThatIsOverBlamesNobody(t *testing.T) {
	t.Parallel()
	b := newBeside(t, half)
	waiter, freed := b.othersWait(t)
	reader := b.reader.PgConn().PID()
	for answer, want := range map[string]string{
		"'{}'":       "",
		"'{-1}'":     "", // who has gone since
		"'{0}'":      "a prepared transaction",
		"'{0,0,-1}'": "a prepared transaction",
		fmt.Sprintf("'{%[1]d,%[1]d,-1}'", reader): fmt.Sprintf("process %d (", reader),
	} {
		if got := b.blames(t, waiter, answer); !strings.HasPrefix(got, want) || (want == "") != (got == "") || strings.Contains(got, " and ") {
			t.Errorf("of %s it says %q, want %q", answer, got, want)
		}
	}
	b.exec(t, b.reader, "ROLLBACK")
	if err := <-freed; err != nil {
		t.Error(err)
	}
}

// blames looks once at what a process waits for, where pg_blocking_pids answers as told.
func (b *beside) blames(t *testing.T, process uint32, answer string) (holders string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.database.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	b.exec(t, conn, "CREATE FUNCTION pg_temp.pg_blocking_pids(int) RETURNS int[] VOLATILE LANGUAGE sql AS $$ SELECT "+answer+"::int[] $$")
	err = conn.QueryRow(t.Context(), strings.Replace(db.LookAtLocks, "pg_blocking_pids", "pg_temp.pg_blocking_pids", 1), int64(process)).Scan(nil, &holders)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return holders
}
