package graph

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Who guesses at one account from many networks is slowed down at the account: after so many tries in an hour only one passes at a time, with
// pauses that double up to the longest. So nobody can lock an agent out: where he was signed in during the last 30 days he is none of the crowd, who is
// signed in stays so, and of a crowd one try still passes each minute.
const (
	crowdFree    = 20
	crowdWithin  = time.Hour
	firstPause   = time.Second
	longestPause = time.Minute
	networkKnown = 30 * 24 * time.Hour
)

// allowStranger counts a try to sign in to the account, from wherever, and returns a RateLimited error when there were so many that this one must
// wait. The answer does not depend on whether the account exists, but for callers of a network from which somebody signed in to it.
func (r *Resolver) allowStranger(ctx context.Context, account string) error {
	tries, _ := r.count(ctx, "crowd\x00"+account, crowdWithin)
	if tries <= crowdFree || r.knowsNetwork(ctx, account) {
		return nil
	}
	pause := min(firstPause<<min(tries-crowdFree-1, 10), longestPause)
	passed, left := r.count(ctx, "passed\x00"+account, pause)
	if passed == 1 {
		return nil
	}
	return &fault.Error{
		Code: fault.RateLimited, RetryAfter: max(left, time.Second),
		Message: "too many tried to sign in to this account; wait and try again, or sign in from a network that you signed in from before",
	}
}

// rememberNetwork notes that the account is signed in at the caller's network.
func (r *Resolver) rememberNetwork(ctx context.Context, account string) {
	r.count(ctx, networkKey(ctx, account), networkKnown)
}

func (r *Resolver) knowsNetwork(ctx context.Context, account string) bool {
	key := networkKey(ctx, account)
	if r.attempts.counted(key) > 0 {
		return true
	}
	if r.Attempts == nil {
		return false
	}
	count, err := r.Attempts.Counted(ctx, sharedKey(key))
	return err == nil && count > 0
}

func networkKey(ctx context.Context, account string) string {
	return "network\x00" + addressFrom(ctx) + "\x00" + account
}

// count adds one to the key's count, here and in all processes, and returns the higher one: what this process knows still holds while the shared
// place is away.
func (r *Resolver) count(ctx context.Context, key string, within time.Duration) (count int, left time.Duration) {
	count, left = r.attempts.count(key, within)
	if r.Attempts == nil {
		return count, left
	}
	if all, rest, err := r.Attempts.Count(ctx, sharedKey(key), within); err == nil && all >= count {
		return all, rest
	}
	return count, left
}
