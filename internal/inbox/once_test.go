package inbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

type made struct{ ID uuid.UUID }

// do runs a call whose only effect is one audit row, and returns the id it made.
func do(ctx context.Context, store inbox.Store, actor inbox.Actor, call inbox.Call) (made, error) {
	var out made
	err := store.InTenant(ctx, actor.Tenant(), func(tx inbox.Tx) (err error) {
		out, err = inbox.Once(ctx, tx, actor, call, func() (made, error) {
			id := inboxtest.NewID()
			return made{ID: id}, tx.Audit(ctx, inbox.AuditEntry{
				At: time.Now(), ActorKind: inbox.ActorSystem, Action: "test.done", SubjectKind: "test", SubjectID: &id,
			})
		})
		return err
	})
	return out, err
}

func TestOnceRunsAKeyOnce(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme, other := w.Tenant("acme"), w.Tenant("other")
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent)
	bob := acme.As(acme.Agent("bob", inbox.RoleAgent), inbox.RoleAgent)
	eve := inbox.AgentActor(other.ID, ada.ID(), uuid.Nil, inbox.RoleAgent, nil)
	call := inbox.Call{Operation: "claim", Key: "k", Input: map[string]any{"b": 1, "a": 2}}
	effects := func() int64 { return w.Int("SELECT count(*) FROM audit_log WHERE action = 'test.done'") }

	var wg sync.WaitGroup
	results := make([]made, 24)
	for i := range results {
		wg.Go(func() {
			r, err := do(t.Context(), w.DB, ada, call)
			if err != nil {
				t.Error(err)
			}
			results[i] = r
		})
	}
	wg.Wait()
	if n := effects(); n != 1 {
		t.Fatalf("24 concurrent calls under one key had %d effects", n)
	}
	for _, r := range results {
		if r != results[0] || r.ID == uuid.Nil {
			t.Fatalf("results differ: %v and %v", r, results[0])
		}
	}
	for _, actor := range []inbox.Actor{bob, eve} {
		if r, err := do(t.Context(), w.DB, actor, call); err != nil || r == results[0] {
			t.Errorf("another actor's same key: %v, %v", r, err)
		}
	}
	for _, reused := range []inbox.Call{
		{Operation: "claim", Key: "k", Input: map[string]any{"b": 1, "a": 3}}, {Operation: "resolve", Key: "k", Input: call.Input},
	} {
		if _, err := do(t.Context(), w.DB, ada, reused); !fault.Is(err, fault.IdempotencyKeyReuse) {
			t.Errorf("%v: %v, want IDEMPOTENCY_KEY_REUSED", reused, err)
		}
	}
	w.Shift(24*time.Hour + time.Minute)
	if r, err := do(t.Context(), w.DB, ada, call); err != nil || r == results[0] {
		t.Errorf("after 24 hours the key is still taken: %v, %v", r, err)
	}
}

func TestOnceForgetsFailures(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	actor := inbox.SystemActor(acme.ID)
	call, broken := inbox.Call{Operation: "x", Key: "k"}, errors.New("broken")
	err := w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
		_, err := inbox.Once(t.Context(), tx, actor, call, func() (made, error) { return made{}, broken })
		return err
	})
	if !errors.Is(err, broken) {
		t.Fatalf("fn's error became %v", err)
	}
	if _, err := do(t.Context(), w.DB, actor, call); err != nil {
		t.Errorf("the key of a failure is not free: %v", err)
	}
	for _, key := range []string{strings.Repeat("x", 256), "a\x00b", "\xff"} {
		if _, err := do(t.Context(), w.DB, actor, inbox.Call{Operation: "x", Key: key}); !fault.Is(err, fault.Invalid) {
			t.Errorf("key %q: %v, want INVALID", key, err)
		}
	}
}

func TestPurgeKeysRemovesOnlyOldOnes(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	actor := inbox.SystemActor(acme.ID)
	for _, key := range []string{"1", "2", "3"} {
		if _, err := do(t.Context(), w.DB, actor, inbox.Call{Operation: "x", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	w.Exec("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key <> '3'")
	for _, want := range []int64{1, 1, 0} {
		err := w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
			n, err := tx.PurgeKeys(t.Context(), 1)
			if n != want {
				t.Errorf("purged %d, want %d", n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Int("SELECT count(*) FROM idempotency_keys WHERE key = '3'"); n != 1 {
		t.Error("a young key was purged")
	}
}
