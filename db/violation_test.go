package db_test

import (
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestARefusedStatementIsCounted lets a transaction write for another tenant: row security refuses it, and somebody hears of it.
func TestARefusedStatementIsCounted(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme, other := w.Tenant("acme"), w.Tenant("other")
	var violations atomic.Int32
	d, err := db.Open(t.Context(), db.Config{
		URL: w.OwnerURL, Log: slog.New(slog.DiscardHandler), Violated: func() { violations.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	trespass := "INSERT INTO teams (tenant_id, id, name, created_at) VALUES ('" + other.ID.String() + "', gen_random_uuid(), 'x', now())"
	err = d.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error { return db.RawExec(t.Context(), tx, trespass) })
	if !fault.Is(err, fault.Internal) || violations.Load() != 1 {
		t.Errorf("%v, counted %d", err, violations.Load())
	}
	err = d.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error { return db.RawExec(t.Context(), tx, "SELECT 1/0") })
	if err == nil || violations.Load() != 1 {
		t.Errorf("%v, counted %d: an error of another kind is no violation", err, violations.Load())
	}
}
