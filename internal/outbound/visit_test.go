package outbound_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// counted counts the transactions of a store, and what looks for work within those that write.
type counted struct {
	outbound.Store
	writes, reads, claims, waits atomic.Int64
}

func (c *counted) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	c.writes.Add(1)
	return c.Store.InTenant(ctx, tenant, func(tx outbound.Tx) error { return fn(countedTx{tx, c}) })
}

func (c *counted) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	c.reads.Add(1)
	return c.Store.ReadTenant(ctx, tenant, fn)
}

type countedTx struct {
	outbound.Tx
	counted *counted
}

func (tx countedTx) Claim(ctx context.Context, account uuid.UUID, attempts []uuid.UUID, limits outbound.ClaimLimits) ([]outbound.Due, error) {
	tx.counted.claims.Add(1)
	return tx.Tx.Claim(ctx, account, attempts, limits)
}

func (tx countedTx) NextDue(ctx context.Context, account uuid.UUID, looked time.Time) (time.Duration, bool, error) {
	tx.counted.waits.Add(1)
	return tx.Tx.NextDue(ctx, account, looked)
}

// A message that is sent alone is what most lanes see most of the time: one transaction claims it and one records it, sees that nothing waits
// and ends the visit.
func TestLoneMessageTakesTwoTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counted{Store: w.DB.Outbound()}
	w.out = w.processOn(store)
	w.sendMany(1)
	w.drain() // reads the rate too, which is remembered
	m := w.send(w.tenant.Conversation(w.account), "alone")
	was := store.counts()
	if _, ok := w.drain(); ok {
		t.Error("the lane asks for another visit, though nothing waits there")
	}
	w.wantStatus(m.ID, inbox.MessageSent)
	for i, want := range [...]int64{2, 0, 1, 1} {
		if got := store.counts()[i] - was[i]; got != want {
			t.Errorf("%d %s, want %d", got, [...]string{"transactions that write", "that read", "claims", "looks for what is due"}[i], want)
		}
	}
}

func (c *counted) counts() [4]int64 {
	return [4]int64{c.writes.Load(), c.reads.Load(), c.claims.Load(), c.waits.Load()}
}

// clumsy panics in the first transaction that it is asked for.
type clumsy struct {
	outbound.Store
	sober atomic.Bool
}

func (c *clumsy) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return c.Store.InTenant(ctx, tenant, func(tx outbound.Tx) error {
		if err := fn(tx); err != nil || c.sober.Swap(true) {
			return err
		}
		panic("clumsy")
	})
}

// A visit that panics leaves the lane to the next one.
func TestAPanicDoesNotCloseTheLane(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "after all")
	w.out = w.processOn(&clumsy{Store: w.DB.Outbound()})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the visit did not panic")
			}
		}()
		w.drain()
	}()
	w.drain()
	w.wantStatus(m.ID, inbox.MessageSent)
}

// ringing rings for the lane in every transaction that may claim: a look never ends without a ring that came meanwhile.
type ringing struct {
	outbound.Store
	ring func()
}

func (r *ringing) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return r.Store.InTenant(ctx, tenant, func(tx outbound.Tx) error {
		r.ring()
		return fn(tx)
	})
}

// R18: a lane that is rung without end gives up its turn all the same, and asks for the next one at once: the last ring is not answered yet, whenever
// what waits there falls due.
func TestRingsDoNotProlongATurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendMany(1)
	w.Exec("UPDATE dispatches SET due_at = app.now() + interval '1 hour'")
	store := &ringing{Store: w.DB.Outbound()}
	w.out = w.processOn(store)
	store.ring = func() {
		time.Sleep(5 * time.Millisecond) // as often as a busy desk rings
		if _, ok, err := w.out.Drain(t.Context(), w.tenant.ID, w.account); ok || err != nil {
			t.Errorf("a ring during the visit was not taken by it: %v, %v", ok, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next, ok, err := w.out.Drain(ctx, w.tenant.ID, w.account)
	if err != nil || ctx.Err() != nil {
		t.Fatalf("the lane was left by its context only: %v, %v", err, ctx.Err())
	}
	if !ok || next != 0 {
		t.Errorf("the next turn is asked for after %v (%v), although somebody has rung", next, ok)
	}
	store.ring = func() {}
	if next, ok := w.drain(); !ok || next < time.Minute {
		t.Errorf("without rings the lane is looked at again after %v (%v), want what is due in an hour", next, ok)
	}
}
