package graph

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// How often one may try to sign in. The first limit binds an address and account together, so that nobody can lock another out; the
// second an address alone, so that it cannot walk through accounts. A whole office may share an address.
const (
	attemptsPerAccount = 5
	attemptsPerAddress = 100
	attemptWindow      = time.Minute
	maxAttemptKeys     = 50_000
)

// attempts counts tries to sign in. It forgets with the process, which costs an attacker nothing he could cause.
type attempts struct {
	clock func() time.Time
	mu    sync.Mutex
	tries map[[sha256.Size]byte]tries
}

type tries struct {
	start time.Time
	count int
}

func newAttempts(clock func() time.Time) *attempts {
	return &attempts{clock: clock, tries: map[[sha256.Size]byte]tries{}}
}

// allow counts a try and returns a RateLimited error when there were too many. The answer does not depend on whether the account
// exists.
func (a *attempts) allow(address, account string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	a.sweep(now)
	waitAddress := a.count(now, sha256.Sum256([]byte("address\x00"+address)), attemptsPerAddress)
	waitAccount := a.count(now, sha256.Sum256([]byte("account\x00"+address+"\x00"+account)), attemptsPerAccount)
	if wait := max(waitAddress, waitAccount); wait > 0 {
		return &fault.Error{Code: fault.RateLimited, Message: "too many attempts; wait a minute and try again", RetryAfter: wait}
	}
	return nil
}

// count adds a try and returns how long to wait when it is one too many.
func (a *attempts) count(now time.Time, key [sha256.Size]byte, most int) time.Duration {
	t, known := a.tries[key]
	if !known || now.Sub(t.start) >= attemptWindow {
		t = tries{start: now}
	}
	t.count++
	a.tries[key] = t
	if t.count <= most {
		return 0
	}
	return t.start.Add(attemptWindow).Sub(now)
}

// sweep forgets windows that are over once there are many keys, and everything when a flood of keys outruns that.
func (a *attempts) sweep(now time.Time) {
	if len(a.tries) < maxAttemptKeys {
		return
	}
	for key, t := range a.tries {
		if now.Sub(t.start) >= attemptWindow {
			delete(a.tries, key)
		}
	}
	if len(a.tries) >= maxAttemptKeys {
		clear(a.tries)
	}
}
