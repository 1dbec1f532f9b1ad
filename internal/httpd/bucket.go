package httpd

import (
	"sync"
	"time"
)

// bucketsMost bounds how many callers are remembered.
const bucketsMost = 50_000

// buckets are token buckets by key: rate tokens a second, at most burst at once.
type buckets struct {
	rate, burst float64
	clock       func() time.Time

	mu    sync.Mutex
	byKey map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newBuckets(rate, burst float64, clock func() time.Time) *buckets {
	return &buckets{rate: rate, burst: burst, clock: clock, byKey: map[string]*bucket{}}
}

// take takes a token, and reports false and when there will be one if there is none.
func (b *buckets) take(key string) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	own := b.byKey[key]
	if own == nil {
		if len(b.byKey) >= bucketsMost {
			clear(b.byKey) // forgetting everybody is kinder than refusing somebody
		}
		own = &bucket{tokens: b.burst, at: now}
		b.byKey[key] = own
	}
	own.tokens = min(b.burst, own.tokens+max(0, now.Sub(own.at).Seconds())*b.rate)
	own.at = now
	if own.tokens < 1 {
		return time.Duration((1 - own.tokens) / b.rate * float64(time.Second)), false
	}
	own.tokens--
	return 0, true
}

// give returns a token that turned out not to be owed.
func (b *buckets) give(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if own := b.byKey[key]; own != nil {
		own.tokens = min(b.burst, own.tokens+1)
	}
}
