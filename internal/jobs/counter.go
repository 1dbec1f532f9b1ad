package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// errAway means that Redis failed a moment ago and is not asked again yet.
var errAway = errors.New("jobs: Redis is away")

// countOne is one count for all processes. KEYS[1] the count; ARGV for how many milliseconds it is kept from its first. It answers the count
// and how many milliseconds are left.
const countOne = `
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}`

// Count implements graph.Counter. It returns an error when Redis cannot be asked now; the caller then counts by itself.
func (l *Limiter) Count(ctx context.Context, key string, within time.Duration) (int, time.Duration, error) {
	if !l.present() {
		return 0, 0, errAway
	}
	asking, cancel := context.WithTimeout(ctx, limiterPatience)
	defer cancel()
	answer, err := l.counter.Run(asking, l.redis, []string{key}, within.Milliseconds()).Int64Slice()
	if err != nil || len(answer) != 2 {
		if ctx.Err() == nil {
			l.leave()
		}
		return 0, 0, errors.Join(errAway, err)
	}
	return int(answer[0]), time.Duration(answer[1]) * time.Millisecond, nil
}

// Counted implements graph.Counter. It returns an error when Redis cannot be asked now.
func (l *Limiter) Counted(ctx context.Context, key string) (int, error) {
	if !l.present() {
		return 0, errAway
	}
	asking, cancel := context.WithTimeout(ctx, limiterPatience)
	defer cancel()
	count, err := l.redis.Get(asking, key).Int()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	if err != nil {
		if ctx.Err() == nil {
			l.leave()
		}
		return 0, errors.Join(errAway, err)
	}
	return count, nil
}
