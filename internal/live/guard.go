package live

import (
	"context"
	"errors"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// errPanic stands for a panic, which was logged where it was caught.
var errPanic = errors.New("live: panic")

// mostPanics is how often the same item is tried again before its subscriber is told to query afresh.
const mostPanics = 5

// guard runs fn and returns errPanic when it panics: an event that cannot be handled must not end a process that serves all tenants.
func (s *stream) guard(fn func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.caught(cause)
			err = errPanic
		}
	}()
	return fn()
}

func (s *stream) caught(cause any) {
	s.hub.cfg.Log.Error("live: panic", append([]any{"tenant", s.tenant}, fault.Panicked(cause).Attributes()...)...)
}

// retreat is deferred while the reader offers items to a live member. After a panic the member is offered the rest, from the item at which it
// happened, in a goroutine of its own, and the others are not held up.
func (sub *subscription) retreat() {
	if cause := recover(); cause != nil {
		sub.stream.caught(cause)
		sub.park(sub.at - 1)
	}
}

// caughtUp tells the taker that it is caught up. A panic of its changes nothing in that: the reader serves it already.
func (sub *subscription) caughtUp(cursor string) {
	_ = sub.stream.guard(func() error {
		sub.taker.CaughtUp(cursor)
		return nil
	})
}

// tryPage is readPage. After a panic nobody knows who was offered what: the stream starts over, and whoever listens is told to query afresh.
func (s *stream) tryPage() (more bool, err error) {
	err = s.guard(func() (err error) {
		more, err = s.readPage()
		return err
	})
	if errors.Is(err, errPanic) {
		s.mu.Lock()
		s.lost = true
		s.mu.Unlock()
	}
	return more, err
}

// tryStep is step. After a panic it can be called again: it goes on where it stopped.
func (sub *subscription) tryStep() (live bool, err error) {
	err = sub.stream.guard(func() (err error) {
		live, err = sub.step()
		return err
	})
	return live, err
}

// tryPoll is poll. After a panic the next one finds what this one would have.
func (h *Hub) tryPoll(ctx context.Context) {
	defer func() {
		if cause := recover(); cause != nil {
			h.cfg.Log.Error("live: panic", fault.Panicked(cause).Attributes()...)
		}
	}()
	h.poll(ctx)
}
