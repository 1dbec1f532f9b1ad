package jobs

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

const (
	limiterPatience = 200 * time.Millisecond
	// awayPause is for how long the local buckets are used after Redis failed, so that not every claim waits for it.
	awayPause = time.Second
)

// takeTokens is one bucket for all processes, by the server's clock. KEYS[1] the bucket; ARGV rate a second, burst, how many to take
// (negative: to give back). It answers how many were taken, and after how many milliseconds there is another one.
const takeTokens = `
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local b = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(b[1]) or burst, tonumber(b[2]) or now
if now > at then
  tokens = math.min(burst, tokens + (now - at) * rate / 1000)
else
  now = at
end
local got = 0
if want < 0 then
  tokens = math.min(burst, tokens - want)
else
  got = math.min(want, math.floor(tokens))
  tokens = tokens - got
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 60000)
local wait = 0
if tokens < 1 then wait = math.ceil((1 - tokens) * 1000 / rate) end
return {got, wait}`

// Limiter shares each account's sending rate among all processes over Redis. A process that cannot reach it gives its share of the rate, one of N, from
// a bucket of its own that begins empty. Where Redis is away from all, that is slower and never faster. A process cannot know whether it alone is cut
// off: then it adds its share to the whole rate that the others go on to take, so that with k of N cut off all together stay within 1 + k/N of the rate
// and of the burst. What the provider then finds too much it refuses as limited, and the lane holds. It also counts for all processes. It is safe for
// concurrent use.
type Limiter struct {
	redis   redis.UniversalClient
	script  *redis.Script
	counter *redis.Script
	share   float64
	mu      sync.Mutex
	away    time.Time // until when Redis is not asked
	local   map[uuid.UUID]*bucket
}

// bucket is one account's share while Redis is away.
type bucket struct {
	tokens float64
	at     time.Time
}

// NewLimiter returns a Limiter, or an error that names what is wrong with the URL. The caller closes it.
func NewLimiter(cfg Config) (*Limiter, error) {
	cfg = cfg.complete()
	r, err := Connect(cfg.RedisURL, limiterPatience, 8)
	if err != nil {
		return nil, err
	}
	return &Limiter{
		redis: r, script: redis.NewScript(takeTokens), counter: redis.NewScript(countOne), share: float64(cfg.LocalShare), local: map[uuid.UUID]*bucket{},
	}, nil
}

// Close closes the connections.
func (l *Limiter) Close() error { return l.redis.Close() }

// Reserve implements outbound.Limiter.
func (l *Limiter) Reserve(ctx context.Context, account uuid.UUID, rate channel.Rate, n int) (int, time.Duration) {
	if rate.PerSecond <= 0 || n <= 0 {
		return n, 0
	}
	if l.present() {
		granted, wait, err := l.ask(ctx, account, rate, n)
		if err == nil {
			l.forget(account)
			return granted, wait
		}
		if ctx.Err() == nil {
			l.leave()
		}
	}
	return l.fallBack(account, rate, n)
}

// Return implements outbound.Limiter. Tokens that cannot be given back are lost: slower, never faster.
func (l *Limiter) Return(ctx context.Context, account uuid.UUID, rate channel.Rate, n int) {
	if rate.PerSecond > 0 && n > 0 && l.present() {
		_, _, _ = l.ask(context.WithoutCancel(ctx), account, rate, -n)
	}
}

func (l *Limiter) ask(ctx context.Context, account uuid.UUID, rate channel.Rate, n int) (int, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, limiterPatience)
	defer cancel()
	answer, err := l.script.Run(ctx, l.redis, []string{"rate:" + account.String()}, rate.PerSecond, burst(rate), n).Int64Slice()
	if err != nil || len(answer) != 2 {
		return 0, 0, err
	}
	return int(answer[0]), time.Duration(answer[1]) * time.Millisecond, nil
}

func burst(rate channel.Rate) int { return max(rate.Burst, 1) }

func (l *Limiter) present() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().After(l.away)
}

func (l *Limiter) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = time.Now().Add(awayPause)
}

// forget drops the local bucket, so that the next absence begins with an empty one.
func (l *Limiter) forget(account uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.local, account)
}

// fallBack takes tokens from this process's own bucket: its share of the rate and of the burst, so that all processes together stay within
// both when none of them reaches Redis.
func (l *Limiter) fallBack(account uuid.UUID, rate channel.Rate, n int) (int, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, perSecond := time.Now(), rate.PerSecond/l.share
	b, known := l.local[account]
	if !known {
		b = &bucket{at: now}
		l.local[account] = b
	}
	b.tokens = min(max(float64(burst(rate))/l.share, 1), b.tokens+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	granted := min(n, int(math.Floor(b.tokens)))
	b.tokens -= float64(granted)
	if b.tokens >= 1 {
		return granted, 0
	}
	return granted, time.Duration((1 - b.tokens) / perSecond * float64(time.Second))
}
