package graph

import (
	"context"
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

// allowAttempt counts a try to sign in and returns a RateLimited error when there were too many. The answer does not depend on whether
// the account exists.
func allowAttempt(w *windows, address, account string) error {
	byAddress := w.spend("address\x00"+address, 1, attemptsPerAddress)
	byAccount := w.spend("account\x00"+address+"\x00"+account, 1, attemptsPerAccount)
	if wait := max(byAddress, byAccount); wait > 0 {
		return &fault.Error{Code: fault.RateLimited, Message: "too many attempts; wait a minute and try again", RetryAfter: wait}
	}
	return nil
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
