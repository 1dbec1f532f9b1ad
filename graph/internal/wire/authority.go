package wire

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// recheckAfter is how long a process may remember that a credential was good. It leaves time to close the socket within 5 s.
const recheckAfter = 4 * time.Second

// authenticate asks who owns what the socket presents.
func (s *session) authenticate(init Init) (Caller, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.socket.Limits.InitTimeout)
	defer cancel()
	return s.socket.Authenticate(ctx, s.request, init)
}

// refused reports whether a credential was looked at and is not good.
func refused(err error) bool {
	return fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden)
}

// current returns a context with the caller as he is now: a socket lives long, and what its owner may do changes meanwhile. When his
// credential is no longer good, it closes the socket and returns the refusal.
func (s *session) current(ctx context.Context) (context.Context, error) {
	asking, cancel := context.WithTimeout(ctx, s.socket.Limits.InitTimeout)
	defer cancel()
	caller, err := s.caller.Again(asking)
	if err != nil {
		if refused(err) {
			s.close(closeForbidden())
		}
		return ctx, err
	}
	return caller.Context(ctx), nil
}

// suspect checks the credential when the server has ended a subscription, which it does when its owner has lost his rights: at once, and
// again when nobody can remember any more that it was good.
func (s *session) suspect() {
	if !s.recheck.CompareAndSwap(false, true) {
		return
	}
	go func() {
		if s.unwelcome() {
			return
		}
		time.AfterFunc(recheckAfter, func() {
			s.recheck.Store(false)
			if !s.closed.Load() {
				s.unwelcome()
			}
		})
	}()
}

// unwelcome reports whether the credential is no longer good, which has closed the socket. A panic is a look that told nothing: nobody else would catch it.
func (s *session) unwelcome() bool {
	defer func() {
		if p := recover(); p != nil {
			_ = s.socket.Present(s.ctx, fault.Panicked(p)) // logs it
		}
	}()
	_, err := s.current(s.ctx)
	return refused(err)
}
