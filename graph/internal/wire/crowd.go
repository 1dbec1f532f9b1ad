package wire

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// crowd lets so many queries and mutations run at a time. When more come than can be answered, those that are let in are answered as fast
// as ever, and the others are told at once to come again, instead of all being slow.
type crowd struct {
	places   chan struct{}
	waiting  atomic.Int64
	most     int64 // that may wait
	patience time.Duration
}

func newCrowd(limits Limits) *crowd {
	return &crowd{places: make(chan struct{}, limits.Running), most: int64(limits.Waiting), patience: limits.Patience}
}

// slow returns the limits of operations that take long on purpose: few at a time, which others wait for longer.
func slow(limits Limits) Limits {
	limits.Running, limits.Waiting, limits.Patience = 4, 256, 5*time.Second
	return limits
}

// enter takes a place, or waits for one a little. It returns an Unavailable error when there is none, and ctx's error when ctx ends first;
// otherwise leave must follow.
func (c *crowd) enter(ctx context.Context) error {
	if c == nil {
		return nil
	}
	select {
	case c.places <- struct{}{}:
		return nil
	default:
	}
	defer c.waiting.Add(-1)
	if c.waiting.Add(1) > c.most {
		return crowded()
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case c.places <- struct{}{}:
		return nil
	case <-timer.C:
		return crowded()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *crowd) leave() {
	if c != nil {
		<-c.places
	}
}

func crowded() error {
	return &fault.Error{Code: fault.Unavailable, Message: "too much is asked at the moment; try again", RetryAfter: time.Second}
}
