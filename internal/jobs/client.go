package jobs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	ringQueue    = 8192 // rings that wait for Redis; more are left to the sweep
	ringers      = 4
	ringPatience = time.Second
	sameSecond   = time.Second
)

// Client rings. It implements outbound.Bells, outbound.Ringer, inbox.SnoozeTimer and inbox.MediaBell: none of its methods blocks or
// fails, so no mutation ever waits for Redis. It is safe for concurrent use.
type Client struct {
	cfg   Config
	redis redis.UniversalClient
	asynq *asynq.Client
	rings chan ring
	// local works a ring in this process when Redis cannot take it; nil in a process without workers.
	local atomic.Pointer[func(ring)]
}

// NewClient returns a Client, or an error that names what is wrong with the URL. It does not connect yet: Run does.
func NewClient(cfg Config) (*Client, error) {
	cfg = cfg.complete()
	r, err := Connect(cfg.RedisURL, ringPatience, 2*ringers)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, redis: r, asynq: asynq.NewClientFromRedisClient(r), rings: make(chan ring, ringQueue)}, nil
}

// Run passes rings on to Redis until ctx ends. Rings that still wait then are left to the sweep.
func (c *Client) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range ringers {
		workers.Go(func() {
			for {
				select {
				case r := <-c.rings:
					c.pass(ctx, r)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	workers.Wait()
	return c.redis.Close()
}

// Ring implements outbound.Bells.
func (c *Client) Ring(_ context.Context, tenant inbox.TenantID, account uuid.UUID) {
	c.ring(ring{name: taskDrain, payload: payload{Tenant: tenant.UUID(), ID: account}})
}

// WakeAt implements inbox.SnoozeTimer.
func (c *Client) WakeAt(_ context.Context, tenant inbox.TenantID, conversation uuid.UUID, gen int64, at time.Time) {
	c.ring(ring{name: taskWake, payload: payload{Tenant: tenant.UUID(), ID: conversation, Gen: gen}, at: at})
}

// FetchSoon implements inbox.MediaBell.
func (c *Client) FetchSoon(tenant inbox.TenantID, attachments []uuid.UUID) {
	for _, id := range attachments {
		c.RingFetch(tenant, id)
	}
}

// RingWake implements outbound.Ringer.
func (c *Client) RingWake(tenant inbox.TenantID, conversation uuid.UUID, gen int64) {
	c.ring(ring{name: taskWake, payload: payload{Tenant: tenant.UUID(), ID: conversation, Gen: gen}})
}

// RingFetch implements outbound.Ringer.
func (c *Client) RingFetch(tenant inbox.TenantID, attachment uuid.UUID) {
	c.ring(ring{name: taskFetch, payload: payload{Tenant: tenant.UUID(), ID: attachment}})
}

// RingCallback implements outbound.Ringer.
func (c *Client) RingCallback(tenant inbox.TenantID, alert uuid.UUID) {
	c.ring(ring{name: taskCallback, payload: payload{Tenant: tenant.UUID(), ID: alert}})
}

// drainAt asks for a drain at a later time.
func (c *Client) drainAt(p payload, at time.Time) {
	c.ring(ring{name: taskDrain, payload: p, at: at})
}

func (c *Client) ring(r ring) {
	select {
	case c.rings <- r:
	default:
		c.cfg.Metrics.RingLost(r.name)
	}
}

// pass gives one ring to Redis, or to this process when Redis does not take it.
func (c *Client) pass(ctx context.Context, r ring) {
	err := c.enqueue(ctx, r)
	if err == nil || ctx.Err() != nil {
		return
	}
	c.cfg.Metrics.RingLost(r.name)
	c.cfg.Log.WarnContext(ctx, "a ring did not reach Redis", "task", r.name, "kind", kindOf(err))
	if local := c.local.Load(); local != nil && r.at.IsZero() {
		(*local)(r)
	}
}

// enqueue makes the task, unless one of its kind has been rung for and not yet begun.
func (c *Client) enqueue(ctx context.Context, r ring) error {
	task, err := r.task()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ringPatience)
	defer cancel()
	if !r.at.IsZero() {
		return c.schedule(ctx, r, task)
	}
	rung, err := c.redis.SetNX(ctx, bell(r), 1, bellLife).Result()
	if err != nil || !rung {
		return err
	}
	if _, err = c.asynq.EnqueueContext(ctx, task); err != nil {
		_ = c.redis.Del(ctx, bell(r)).Err() // else the next ring would be swallowed
	}
	return err
}

// schedule makes one task a second and thing at most: Asynq keeps whole seconds, and the row tells the exact time.
func (c *Client) schedule(ctx context.Context, r ring, task *asynq.Task) error {
	second := r.at.Truncate(sameSecond)
	id := r.key() + ":" + second.UTC().Format(time.RFC3339)
	_, err := c.asynq.EnqueueContext(ctx, task, asynq.ProcessAt(second), asynq.TaskID(id))
	if errors.Is(err, asynq.ErrTaskIDConflict) || errors.Is(err, asynq.ErrDuplicateTask) {
		return nil
	}
	return err
}

// hush takes the bell down, so that whoever rings from now on is heard. It comes before the first look.
func (c *Client) hush(ctx context.Context, r ring) {
	ctx, cancel := context.WithTimeout(ctx, ringPatience)
	defer cancel()
	_ = c.redis.Del(ctx, bell(r)).Err() // a bell that stays rings on for at most 15 s
}

func bell(r ring) string {
	if r.name == taskDrain {
		return "bell:" + r.ID.String()
	}
	return "bell:" + r.key()
}

// kindOf names an error without its words, which may quote an address.
func kindOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, redis.ErrClosed):
		return "closed"
	}
	return "unreachable"
}
