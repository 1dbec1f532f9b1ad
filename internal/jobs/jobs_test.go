package jobs_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// A ring reaches a worker within milliseconds, without any sweep.
func TestRingIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.Redis(t)
	w := newWorld(t, url)
	conversation := w.tenant.Conversation(w.account)
	w.start(jobs.Config{RedisURL: url, SweepEvery: time.Hour})
	w.send(conversation, "first") // may still be found by the sweep at the start
	eventually(t, "the first is sent", func() bool { return w.sent() == 1 })
	w.send(conversation, "second")
	eventually(t, "the second is sent", func() bool { return w.sent() == 2 })
}

// R18: a lane that never ends, and wants its next turn at once, does not keep the only worker from the others, and has its turns beside them.
func TestABusyLaneIsBehindThoseThatWait(t *testing.T) {
	t.Parallel()
	url := dbtest.Redis(t)
	w := newWorld(t, url)
	busy, turns := uuid.New(), atomic.Int64{}
	w.startWith(jobs.Config{RedisURL: url, Concurrency: 1, SweepEvery: time.Hour}, jobs.Handlers{
		Drain: func(ctx context.Context, tenant inbox.TenantID, account uuid.UUID) (time.Duration, bool, error) {
			if account != busy {
				return w.out.Drain(ctx, tenant, account)
			}
			turns.Add(1)
			return 0, true, nil
		},
		Sweep: func(context.Context, outbound.Ringer) error { return nil },
	})
	w.client.Ring(t.Context(), w.tenant.ID, busy)
	for i := range 5 {
		had := turns.Load()
		eventually(t, "the busy lane has another turn", func() bool { return turns.Load() > had })
		w.sendMany(1)
		eventually(t, "the message of the other lane is sent", func() bool { return w.sent() == int64(i+1) })
	}
}

// R10: Redis is emptied again and again while messages are sent; all of them go out, each once.
func TestWipedRedisLosesNothing(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	w := newWorld(t, server.URL())
	w.start(jobs.Config{RedisURL: server.URL(), SweepEvery: 300 * time.Millisecond})
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(options)
	t.Cleanup(func() { _ = admin.Close() })
	ctx, stop := context.WithCancel(t.Context())
	wiped := make(chan int, 1)
	go func() {
		n := 0
		for tick := time.NewTicker(7 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			if admin.FlushAll(ctx).Err() == nil {
				n++
			}
		}
		wiped <- n
	}()
	w.sendMany(150)
	stop()
	if n := <-wiped; n < 5 {
		t.Fatalf("Redis was wiped %d times only", n)
	}
	eventually(t, "all are sent", func() bool { return w.sent() == 150 })
	if messages, most := w.provider.most(); messages != 150 || most != 1 {
		t.Fatalf("%d messages were taken, one of them %d times", messages, most)
	}
}

// R10, R73: without any Redis at all mutations do not wait, and the workers send what the sweep finds.
func TestStoppedRedisDelaysOnly(t *testing.T) {
	t.Parallel()
	server := dbtest.OwnRedis(t)
	w := newWorld(t, server.URL())
	w.start(jobs.Config{RedisURL: server.URL(), SweepEvery: 300 * time.Millisecond})
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	w.sendMany(20)
	if took := time.Since(begun); took > 10*time.Second {
		t.Fatalf("20 mutations took %s without Redis", took)
	}
	eventually(t, "all are sent", func() bool { return w.sent() == 20 })
	if _, most := w.provider.most(); most != 1 {
		t.Fatalf("a message was taken %d times", most)
	}
}

// R14: when the process is told to stop, calls under way end and are recorded, and Run returns in time.
func TestServerStopsGracefully(t *testing.T) {
	t.Parallel()
	url := dbtest.Redis(t)
	w := newWorld(t, url)
	w.provider.wait = make(chan struct{})
	w.sendMany(40)
	stop := w.start(jobs.Config{RedisURL: url})
	<-w.provider.begun
	ended := make(chan struct{})
	go func() {
		stop()
		close(ended)
	}()
	close(w.provider.wait)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("still running after 30 s")
	}
	taken, _ := w.provider.most()
	if w.sent() != int64(taken) || w.Int("SELECT count(*) FROM dispatches WHERE state <> 'READY'") != 0 {
		t.Fatalf("%d were taken, %d are recorded as sent, %d rows are not given back", taken, w.sent(),
			w.Int("SELECT count(*) FROM dispatches WHERE state <> 'READY'"))
	}
}

// R32: a snooze ends at its time, also when Redis was emptied in between.
func TestSnoozeEndsOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.Redis(t)
	w := newWorld(t, url)
	conversation := w.tenant.Conversation(w.account)
	w.start(jobs.Config{RedisURL: url, SweepEvery: 200 * time.Millisecond})
	_, err := w.inbox.Snooze(t.Context(), w.agent, inbox.SnoozeInput{ConversationID: conversation, Until: time.Now().Add(2 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	w.Shift(3 * time.Minute)
	eventually(t, "it is open", func() bool { return w.Int("SELECT count(*) FROM conversations WHERE status = 'OPEN'") == 1 })
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'CONVERSATION_WOKEN'"); n != 1 {
		t.Fatalf("%d events tell that it woke", n)
	}
}

// Redis holds ids and nothing that a person wrote or that names one.
func TestRedisHoldsIdsOnly(t *testing.T) {
	t.Parallel()
	url := dbtest.Redis(t)
	w := newWorld(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.client.Run(ctx) }()
	w.send(w.tenant.Conversation(w.account), "canary")
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(options)
	t.Cleanup(func() { _ = admin.Close() })
	eventually(t, "a task is there", func() bool {
		n, err := admin.DBSize(t.Context()).Result()
		return err == nil && n >= 3
	})
	keys, err := admin.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		dump, err := admin.Dump(t.Context(), key).Bytes()
		if err != nil || bytes.Contains(dump, []byte("canary")) || bytes.Contains(dump, []byte("+49")) {
			t.Errorf("key %s: %v, holds more than ids", key, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
