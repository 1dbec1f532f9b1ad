package wire

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

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
