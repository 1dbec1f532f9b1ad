package wire

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// recheckAfter is how long a process may remember that a credential was good. It leaves time to close the socket within 5 s.
const recheckAfter = 4 * time.Second

// authenticate asks who owns what the socket presented, as of now.
func (s *session) authenticate(ctx context.Context) (Caller, error) {
	ctx, cancel := context.WithTimeout(ctx, s.socket.Limits.InitTimeout)
	defer cancel()
	return s.socket.Authenticate(ctx, s.request, s.presented)
}

// refused reports whether a credential was looked at and is not good.
func refused(err error) bool {
	return fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden)
}

// current returns a context with the caller as he is now: a socket lives long, and what its owner may do changes meanwhile. When his
// credential is no longer good, it closes the socket and returns the refusal.
func (s *session) current(ctx context.Context) (context.Context, error) {
	caller, err := s.authenticate(ctx)
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
		defer s.recheck.Store(false)
		if _, err := s.current(s.ctx); refused(err) {
			return
		}
		timer := time.NewTimer(recheckAfter)
		defer timer.Stop()
		select {
		case <-s.closed:
		case <-timer.C:
			_, _ = s.current(s.ctx)
		}
	}()
}
