package jobs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

func newLimiter(t *testing.T, url string, share int) *jobs.Limiter {
	t.Helper()
	l, err := jobs.NewLimiter(jobs.Config{RedisURL: url, LocalShare: share})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// spend takes tokens as fast as it can from all limiters for the time and returns when each was granted.
func spend(t *testing.T, rate channel.Rate, account uuid.UUID, during time.Duration, limiters ...*jobs.Limiter) []grant {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var mu sync.Mutex
	var granted []grant
	var spenders sync.WaitGroup
	for i, l := range limiters {
		spenders.Go(func() {
			for ctx.Err() == nil {
				asked := time.Now()
				n, wait := l.Reserve(ctx, account, rate, i%3+1)
				mu.Lock()
				for range n {
					granted = append(granted, grant{asked: asked, answered: time.Now()})
				}
				mu.Unlock()
				timer := time.NewTimer(min(wait, 20*time.Millisecond))
				select {
				case <-timer.C:
				case <-ctx.Done():
				}
			}
		})
	}
	spenders.Wait()
	return granted
}

// spendMany spends until so many tokens are granted, however long the process stands still meanwhile, and returns when each was.
func spendMany(t *testing.T, many int, rate channel.Rate, account uuid.UUID, limiters ...*jobs.Limiter) (granted []grant) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d tokens are granted", many), func() bool {
		granted = append(granted, spend(t, rate, account, time.Second, limiters...)...)
		return len(granted) >= many
	})
	return granted
}

// grant is one token. It was given at some moment between the question and the answer; a busy machine keeps them apart.
type grant struct{ asked, answered time.Time }

// wantWithin checks that no window of time holds more grants than the rate and the bursts allow, however long each answer took.
func wantWithin(t *testing.T, granted []grant, rate channel.Rate, bursts int) {
	t.Helper()
	for i := range granted {
		first := granted[i].asked
		for j := i; j < len(granted); j++ {
			if granted[j].asked.Before(first) {
				first = granted[j].asked
			}
			longest := granted[j].answered.Sub(first)
			allowed := rate.PerSecond*(longest+60*time.Millisecond).Seconds() + float64(bursts*rate.Burst)
			if n := j - i + 1; float64(n) > allowed+1 {
				t.Fatalf("%d grants within at most %s, allowed are %.1f", n, longest, allowed)
			}
		}
	}
}

// R18: many processes together stay within the account's rate and burst. Each is one of so many that what it gives by itself when Redis stalls is as good
// as nothing: whatever is granted, Redis has granted.
func TestLimiterIsSharedByAll(t *testing.T) {
	t.Parallel()
	const many = 1_000_000
	url := dbtest.Redis(t)
	rate, account := channel.Rate{PerSecond: 50, Burst: 10}, uuid.New()
	limiters := []*jobs.Limiter{newLimiter(t, url, many), newLimiter(t, url, many), newLimiter(t, url, many)}
	wantWithin(t, spendMany(t, 80, rate, account, limiters...), rate, 1)
	slow := channel.Rate{PerSecond: 0.01, Burst: 10}
	eventually(t, "another account gets its burst of 10, and 4 that it gives back", func() bool {
		other := uuid.New() // afresh: an answer that is lost takes its tokens with it
		first, _ := limiters[0].Reserve(t.Context(), other, slow, 30)
		limiters[1].Return(t.Context(), other, slow, 4)
		again, _ := limiters[2].Reserve(t.Context(), other, slow, 30)
		return first == 10 && again == 4
	})
}

// R18: a process that alone is cut off from Redis adds its share to the whole rate that the others go on to take, and no more.
func TestLimiterCutOffAddsItsShare(t *testing.T) {
	t.Parallel()
	gone := dbtest.OwnRedis(t)
	present, cutOff := newLimiter(t, dbtest.Redis(t), 2), newLimiter(t, gone.URL(), 2)
	if err := gone.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	rate, account := channel.Rate{PerSecond: 50, Burst: 10}, uuid.New()
	granted := spend(t, rate, account, 3*time.Second, present, cutOff)
	wantWithin(t, granted, channel.Rate{PerSecond: 50 + 50/2, Burst: 10 + 10/2}, 1)
}

// R18: a wiped Redis costs one further burst at most.
func TestWipedLimiterGivesOneMoreBurst(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(options)
	t.Cleanup(func() { _ = admin.Close() })
	rate, account := channel.Rate{PerSecond: 20, Burst: 10}, uuid.New()
	l := newLimiter(t, server.URL(), 2)
	granted := spend(t, rate, account, 500*time.Millisecond, l)
	if err := admin.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	granted = append(granted, spend(t, rate, account, 500*time.Millisecond, l)...)
	wantWithin(t, granted, rate, 2)
}

// R18: without Redis each process gives its share of the rate, from an empty bucket: slow, not open.
func TestLimiterWithoutRedisIsSlow(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	l := newLimiter(t, server.URL(), 2)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	rate, account, begun := channel.Rate{PerSecond: 40, Burst: 10}, uuid.New(), time.Now()
	if n, wait := l.Reserve(t.Context(), account, rate, 10); n != 0 || wait <= 0 {
		t.Fatalf("the first reservation without Redis got %d, %s", n, wait)
	}
	eventually(t, "the bucket holds its share of the burst", func() bool {
		n, _ := l.Reserve(t.Context(), account, rate, 0)
		return n == 0 && time.Since(begun) > time.Second
	})
	if n, _ := l.Reserve(t.Context(), account, rate, 10); n > 5 {
		t.Fatalf("after a rest one of two processes got %d at once, its share of the burst is 5", n)
	}
	wantWithin(t, spendMany(t, 20, rate, account, l), channel.Rate{PerSecond: 20, Burst: 5}, 1)
}

// R18: while Redis is away all processes together stay within the rate, and when it is back they share one bucket again. The bucket that
// Redis kept costs one further burst at most.
func TestLimiterOutlivesRedis(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	rate, account := channel.Rate{PerSecond: 40, Burst: 8}, uuid.New()
	one, other := newLimiter(t, server.URL(), 2), newLimiter(t, server.URL(), 2)
	granted := spend(t, rate, account, 500*time.Millisecond, one, other)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	away := spendMany(t, 40, rate, account, one, other)
	wantWithin(t, away, rate, 1)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	back := uuid.New() // no process has a local bucket for it
	eventually(t, "Redis is asked again", func() bool {
		n, _ := one.Reserve(t.Context(), back, channel.Rate{PerSecond: 0.01, Burst: 1}, 1)
		return n == 1
	})
	granted = append(append(granted, away...), spend(t, rate, account, time.Second, one, other)...)
	wantWithin(t, granted, rate, 2)
	if n, _ := other.Reserve(t.Context(), back, channel.Rate{PerSecond: 0.01, Burst: 1}, 1); n != 0 {
		t.Errorf("the other process got %d tokens of a bucket that is empty", n)
	}
}
