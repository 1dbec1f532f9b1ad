package embedded_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

func TestPostgresComesBackAfterACrash(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := startPostgres(t, options(t))
	execute(t, pg.URL("shop"), "CREATE TABLE kept AS SELECT 1 AS n")
	conn, err := pgx.Connect(ctx, pg.URL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }() // a busy client keeps a backend alive past the crash for a moment
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := pg.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if got := query(t, pg.URL("shop"), "SELECT n::text FROM kept"); got != "1" {
		t.Errorf("kept = %s", got)
	}
}

// A container that restarts gives the process ids of its last life to other programs.
func TestStalePidFileOfAReusedProcessID(t *testing.T) {
	t.Parallel()
	o := options(t)
	pg := startPostgres(t, o)
	if err := pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(o.Dir, "postgres", "data")
	stale := fmt.Sprintf("%d\n%s\n1700000000\n5432\n\n\n\nready\n", startRedis(t, o).Pid(), data)
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, o)
}

func TestHalfInitialisedDirectoryIsReplaced(t *testing.T) {
	t.Parallel()
	o := options(t)
	rest := filepath.Join(o.Dir, "postgres", "data.new")
	if err := os.MkdirAll(rest, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rest, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, o)
}

func TestSecondServerOnOneDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	o := options(t)
	startPostgres(t, o)
	if embedded.Abandoned(filepath.Join(o.Dir, "postgres")) {
		t.Error("a directory in use counts as abandoned")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := embedded.StartPostgres(ctx, o)
	if err == nil || !strings.Contains(err.Error(), "another Switchboard") {
		t.Errorf("error %v does not say that the directory is in use", err)
	}
}

func TestAbandonedAfterStop(t *testing.T) {
	t.Parallel()
	o := options(t)
	pg := startPostgres(t, o)
	if err := pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !embedded.Abandoned(filepath.Join(o.Dir, "postgres")) {
		t.Error("a stopped server's directory is still held")
	}
	if embedded.Abandoned(o.Dir) {
		t.Error("a directory without a lock counts as abandoned")
	}
}

func TestLongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Dir = filepath.Join(o.Dir, strings.Repeat("deep-", 20))
	pg := startPostgres(t, o)
	if got := query(t, pg.URL("shop"), "SELECT 'yes'"); got != "yes" {
		t.Errorf("answer %q", got)
	}
}

func TestDataOfAnotherVersionIsExplained(t *testing.T) {
	t.Parallel()
	o := options(t)
	data := filepath.Join(o.Dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartPostgres(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "of Postgres 9") {
		t.Errorf("error %v does not name the version", err)
	}
}

func TestPostgresNamesTheSettingItDoesNotKnow(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Settings = map[string]string{"no_such_setting": "1"}
	_, err := embedded.StartPostgres(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v does not say what is wrong", err)
	}
}

func TestMissingPostgresIsExplained(t *testing.T) {
	t.Setenv("SWITCHBOARD_PGBIN", t.TempDir())
	_, err := embedded.StartPostgres(t.Context(), options(t))
	if err == nil || !strings.Contains(err.Error(), "SWITCHBOARD_PGBIN") {
		t.Errorf("error %v does not name the remedy", err)
	}
}

func TestServerSeesNoSecretOfItsParent(t *testing.T) {
	t.Setenv("SWITCHBOARD_TEST_SECRET", "hunter2")
	pg := startPostgres(t, options(t))
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pg.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(environment), "hunter2") {
		t.Error("the server inherited the parent's environment")
	}
}

func TestToolIsThatOfTheServer(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"postgres", "initdb", "pg_dump"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho \"$0 $1\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SWITCHBOARD_PGBIN", dir)
	command, err := embedded.PostgresTool(t.Context(), "pg_dump", "--version")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := command.Output(); err != nil || string(out) != filepath.Join(dir, "pg_dump")+" --version\n" {
		t.Errorf("%q, error %v", out, err)
	}
	if _, err := embedded.PostgresTool(t.Context(), "no-such-tool"); err == nil || !strings.Contains(err.Error(), "postgresql-client") {
		t.Errorf("error %v does not name the remedy", err)
	}
}
