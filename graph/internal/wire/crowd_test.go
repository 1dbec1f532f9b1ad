package wire

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// R79: as many run as may, some wait for a little, and the others are told at once to come again.
func TestCrowdIsBounded(t *testing.T) {
	t.Parallel()
	c := newCrowd(Limits{Running: 2, Waiting: 1, Patience: time.Hour})
	for range 2 {
		if err := c.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := c.enter(t.Context()); err != nil {
			t.Errorf("the one that waits: %v", err)
		}
	})
	for c.waiting.Load() == 0 {
		runtime.Gosched()
	}
	var refused *fault.Error
	if err := c.enter(t.Context()); !errors.As(err, &refused) || refused.Code != fault.Unavailable || refused.RetryAfter == 0 {
		t.Errorf("one more: %v", err)
	}
	c.leave()
	all.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.enter(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("one whose client is gone: %v", err)
	}
	c.patience = time.Millisecond
	if err := c.enter(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one whose patience ends: %v", err)
	}
	c.leave()
	c.leave()
	if err := c.enter(t.Context()); err != nil || c.waiting.Load() != 0 {
		t.Errorf("afterwards: %v, %d wait", err, c.waiting.Load())
	}
}

// H13, R79: however many sign-ins wait for their turn, others run.
func TestSignInsWaitApart(t *testing.T) {
	t.Parallel()
	limits := Limits{Running: 1, Waiting: 1, Patience: time.Hour, OperationTimeout: time.Hour}
	slowly := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: ast.Mutation}}
	c := New(Config{
		Limits: limits, Apart: func(op *graphql.OperationContext) bool { return op == slowly },
		Present: func(_ context.Context, err error) *gqlerror.Error { return gqlerror.Wrap(err) },
	}).config
	gone, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range cap(c.apart.places) { // so many check a password, and do not end
		if err := c.apart.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var signIns sync.WaitGroup
	for range 10 {
		signIns.Go(func() {
			if _, ran := c.perform(gone, answers{}, slowly); ran {
				t.Error("a sign-in runs that is one too many")
			}
		})
	}
	for c.apart.waiting.Load() < 10 {
		runtime.Gosched()
	}
	one := &sync.WaitGroup{}
	one.Add(1)
	if _, ran := c.perform(t.Context(), answers{1, one}, &graphql.OperationContext{Operation: slowly.Operation}); !ran {
		t.Error("another is not run")
	}
	cancel()
	signIns.Wait()
}
