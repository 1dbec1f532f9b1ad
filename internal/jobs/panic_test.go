package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
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

// clumsy panics in the first of each that it is asked for.
type clumsy struct {
	*outbound.Outbound
	before          func() // what the first sweep waits for
	swept, answered atomic.Int64
}

func (c *clumsy) Sweep(ctx context.Context, ringer outbound.Ringer) error {
	if c.swept.Add(1) == 1 {
		c.before()
		panic("clumsy at the sweep")
	}
	return c.Outbound.Sweep(ctx, ringer)
}

func (c *clumsy) Drain(ctx context.Context, tenant inbox.TenantID, account uuid.UUID) (time.Duration, bool, error) {
	if c.answered.Add(1) == 1 {
		panic("clumsy at the drain")
	}
	return c.Outbound.Drain(ctx, tenant, account)
}

// A sweep or a task that panics costs neither the process nor what is due. The sweep does it when Asynq listens to Redis: closing Redis then, as
// a panic on its way out would, makes Asynq dereference nil in a goroutine that nobody recovers. The task does it with Redis and without.
func TestPanicsDoNotEndTheWorkers(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]bool{"Redis is there": false, "Redis is away": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dbtest.OwnRedis(t)
			w := newWorld(t, server.URL())
			var log bytes.Buffer
			c := &clumsy{Outbound: w.out, before: func() { listened(t, server.URL()) }}
			stop := w.startWith(jobs.Config{
				RedisURL: server.URL(), SweepEvery: 200 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(&log, nil)),
			}, jobs.Handlers{
				Drain: c.Drain, Wake: w.inbox.Wake, CallBack: w.out.CallBack, Sweep: c.Sweep,
				Fetch: func(context.Context, inbox.TenantID, uuid.UUID) error { return nil },
			})
			eventually(t, "another sweep follows", func() bool { return c.swept.Load() > 1 })
			if away {
				if err := server.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.sendMany(3)
			eventually(t, "all are sent", func() bool { return w.sent() == 3 })
			stop()
			for _, words := range []string{"a sweep panicked", "a task panicked", "jobs_test.(*clumsy).Sweep", "jobs_test.(*clumsy).Drain"} {
				if !strings.Contains(log.String(), words) {
					t.Errorf("%q does not stand in the log: %s", words, log.String())
				}
			}
			if strings.Contains(log.String(), "clumsy at") {
				t.Errorf("what was panicked with stands in the log: %s", log.String())
			}
		})
	}
}

// listened returns when Asynq has subscribed to what it listens to.
func listened(t *testing.T, url string) {
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Error(err)
		return
	}
	admin := redis.NewClient(options)
	defer func() { _ = admin.Close() }()
	const channel = "asynq:cancel"
	for begun := time.Now(); admin.PubSubNumSub(t.Context(), channel).Val()[channel] == 0; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Errorf("Asynq does not listen on %s", channel)
			return
		}
	}
}
