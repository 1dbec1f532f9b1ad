package db_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// A database that lacks a migration is not ready and says what to do; one that is ahead is fine.
func TestSchemaIsCompared(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	check := func(why string, ok bool) {
		t.Helper()
		err := w.DB.CheckSchema(context.Background())
		if ok != (err == nil) || !ok && (!fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "switchboard migrate")) {
			t.Errorf("%s: %v", why, err)
		}
	}
	check("the newest", true)
	w.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	check("a newer one", true)
	w.Exec("DELETE FROM goose_db_version WHERE version_id >= (SELECT max(version_id) FROM goose_db_version WHERE version_id < 9999)")
	check("an older one", false)
	w.Exec("REVOKE SELECT ON goose_db_version FROM switchboard_app")
	check("one from before the number could be read", false)

	bare := dbtest.Bare(t)
	opened, err := db.Open(t.Context(), db.Config{URL: bare.AppURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := opened.CheckSchema(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an empty database: %v", err)
	}
}
