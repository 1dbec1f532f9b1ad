package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
)

// TestStoryThroughPgBouncerAndCluster runs servers, workers and the demo's whole story over a pooler in transaction mode and a Redis cluster.
func TestStoryThroughPgBouncerAndCluster(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "switchboard-dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	pg, d := dbtest.OwnPostgres(t)
	pooled := dbtest.PgBouncer(t, pg, d)
	env := []string{
		"DATABASE_URL=" + pooled, "LISTEN_DATABASE_URL=" + d.AppURL, "MIGRATE_DATABASE_URL=" + d.OwnerURL,
		"REDIS_URL=" + dbtest.RedisCluster(t).URL,
	}
	p, f := startDev(t, dir, env...)
	token := signIn(t, f, "jonas@demo.example")
	told := previews(t, f, token)
	writes(t, p, f, token, "Is anybody there?")
	if again := previews(t, f, token); len(told) == 0 || len(again) != len(told)+1 || again[0] != "OPEN Is anybody there?" {
		t.Errorf("the list is %q", again)
	}
	if code, out := finish(t, environ(env...), "", "verify"); code != 0 {
		t.Errorf("verify ends with %d:\n%s", code, out)
	}
	if code, _ := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
