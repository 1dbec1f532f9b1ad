package outbound_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// counted counts the transactions of a store.
type counted struct {
	outbound.Store
	writes, reads atomic.Int64
}

func (c *counted) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	c.writes.Add(1)
	return c.Store.InTenant(ctx, tenant, fn)
}

func (c *counted) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	c.reads.Add(1)
	return c.Store.ReadTenant(ctx, tenant, fn)
}

// A message that is sent alone is what most lanes see most of the time: one transaction claims it and one records it, finds nothing more and ends
// the visit.
func TestLoneMessageTakesTwoTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counted{Store: w.DB.Outbound()}
	w.out = w.processOn(store)
	w.sendMany(1)
	w.drain() // reads the rate too, which is remembered
	m := w.send(w.tenant.Conversation(w.account), "alone")
	store.writes.Store(0)
	store.reads.Store(0)
	if _, ok := w.drain(); ok {
		t.Error("the lane asks for another visit, though nothing waits there")
	}
	w.wantStatus(m.ID, inbox.MessageSent)
	if writes, reads := store.writes.Load(), store.reads.Load(); writes != 2 || reads != 0 {
		t.Errorf("%d transactions that write and %d that read, want 2 and 0", writes, reads)
	}
}
