package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// How often one may try to sign in within a minute. The first limit binds an address and account together, so that nobody can lock another
// out; the second an address alone, so that it cannot walk through accounts. A whole office may share an address.
const (
	attemptsPerAccount = 5
	attemptsPerAddress = 100
)

// What operations may cost within a minute, in complexity. An agent who leafs through threads as fast as he can needs a tenth of it.
const (
	costPerCaller = 1_000_000
	costPerTenant = 50_000_000
)

// Counter counts in a place that all processes share; jobs.Limiter is one.
type Counter interface {
	// Count adds one to the key's count, which ends when the time since its first is over. It returns the count and how long it
	// goes on, or an error when the place cannot be asked now.
	Count(ctx context.Context, key string, within time.Duration) (count int, left time.Duration, err error)
	// Counted returns the key's count, or an error when the place cannot be asked now.
	Counted(ctx context.Context, key string) (count int, err error)
}

// allowAttempt counts a try to sign in and returns a RateLimited error when there were too many. The answer does not depend on whether
// the account exists.
func (r *Resolver) allowAttempt(ctx context.Context, account string) error {
	address := addressFrom(ctx)
	byAddress := r.attempt(ctx, "address\x00"+address, attemptsPerAddress)
	byAccount := r.attempt(ctx, "account\x00"+address+"\x00"+account, attemptsPerAccount)
	return tooMany(max(byAddress, byAccount))
}

// allowLogout counts a logout and returns a RateLimited error when its address sent too many. They are counted apart, so that signing in takes
// nobody's way out.
func (r *Resolver) allowLogout(ctx context.Context) error {
	return tooMany(r.attempt(ctx, "logout\x00"+addressFrom(ctx), attemptsPerAddress))
}

func tooMany(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &fault.Error{Code: fault.RateLimited, Message: "too many attempts; wait a minute and try again", RetryAfter: wait}
}

// attempt returns how long to wait when the key was tried too often, here or anywhere. This process counts too: what it knows still
// holds while the shared place is away.
func (r *Resolver) attempt(ctx context.Context, key string, most int) time.Duration {
	wait := r.attempts.spend(key, 1, most)
	if wait > 0 || r.Attempts == nil {
		return wait
	}
	count, left, err := r.Attempts.Count(ctx, sharedKey(key), windowLength)
	if err != nil || count <= most {
		return 0
	}
	return max(left, time.Second)
}

// sharedKey returns the key as it leaves this process: as a hash, since it names people and credentials.
func sharedKey(key string) string {
	hash := sha256.Sum256([]byte(key))
	return "tries:" + hex.EncodeToString(hash[:])
}

// allowCost counts the complexity of an operation and returns a RateLimited error when its caller, or his tenant, has asked too much in
// this minute. Nobody is counted by his address.
func allowCost(ctx context.Context, w *windows, cost int) error {
	var wait time.Duration
	if actor, ok := ActorFrom(ctx); ok {
		tenant := actor.Tenant().String()
		wait = max(w.spend("caller\x00"+tenant+actor.ID().String(), cost, costPerCaller), w.spend("tenant\x00"+tenant, cost, costPerTenant))
	} else {
		wait = w.spend("address\x00"+addressFrom(ctx), cost, costPerCaller)
	}
	if wait > 0 {
		return &fault.Error{Code: fault.RateLimited, Message: "too much was asked in this minute; wait and try again", RetryAfter: wait}
	}
	return nil
}
