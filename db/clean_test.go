package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestConnectionsComeBackClean ends transactions in every bad way; whoever borrows the connections next finds no trace. (H11)
func TestConnectionsComeBackClean(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme").ID
	run := func(ctx context.Context, fn func(inbox.Tx) error) error { return w.DB.InTenant(ctx, tenant, fn) }
	broken := errors.New("broken")
	ways := map[string]func() error{
		"commit": func() error { return run(t.Context(), func(inbox.Tx) error { return nil }) },
		"error":  func() error { return run(t.Context(), func(inbox.Tx) error { return broken }) },
		"failed statement": func() error {
			return run(t.Context(), func(tx inbox.Tx) error { return db.RawExec(t.Context(), tx, "SELECT 1/0") })
		},
		"failed statement, error swallowed": func() error {
			return run(t.Context(), func(tx inbox.Tx) error { _ = db.RawExec(t.Context(), tx, "SELECT 1/0"); return nil })
		},
		"panic": func() (err error) {
			defer func() {
				if recover() != nil {
					err = broken
				}
			}()
			return run(t.Context(), func(inbox.Tx) error { panic("x") })
		},
		"cancelled in a statement": func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return run(ctx, func(tx inbox.Tx) error { return db.RawExec(ctx, tx, "SELECT pg_sleep(20)") })
		},
		"statement timeout": func() error {
			return run(t.Context(), func(tx inbox.Tx) error {
				return db.RawExec(t.Context(), tx, "SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(20)")
			})
		},
		"leavings": func() error {
			return run(t.Context(), func(tx inbox.Tx) error {
				return errors.Join(db.RawExec(t.Context(), tx, "CREATE TEMP TABLE left_behind (n int) ON COMMIT DROP"), broken)
			})
		},
		"read": func() error { return w.DB.ReadTenant(t.Context(), tenant, func(inbox.Tx) error { return broken }) },
	}
	for name, way := range ways {
		if err := way(); (err == nil) != (name == "commit") {
			t.Errorf("%s: %v", name, err)
		}
		var seen int
		db.EachIdle(t.Context(), w.DB, func(conn *pgx.Conn) {
			seen++
			var setting, role, timeout string
			var temp, listening, holding int
			err := conn.QueryRow(t.Context(), `SELECT coalesce(current_setting('app.tenant_id', true), ''), current_user::text,
				current_setting('statement_timeout'), (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
				(SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')`,
			).Scan(&setting, &role, &timeout, &temp, &listening, &holding)
			if err != nil || setting != "" || role != "switchboard_app" || timeout != "0" || temp+listening+holding != 0 {
				t.Errorf("after %s: tenant %q, role %s, timeout %s, %d temporary tables, %d channels, %d locks, %v",
					name, setting, role, timeout, temp, listening, holding, err)
			}
			if status := conn.PgConn().TxStatus(); status != 'I' {
				t.Errorf("after %s: transaction status %c", name, status)
			}
		})
		if name != "cancelled in a statement" && seen == 0 {
			t.Errorf("after %s: no connection came back", name)
		}
	}
}
