package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// queueSQL makes one due message in each of the first conversations of a tenant.
const queueSQL = `WITH c AS (
  SELECT id, channel_account_id, last_seq + 1 AS seq FROM conversations WHERE tenant_id = $1 AND channel_account_id = ANY ($2) ORDER BY id LIMIT $3
), up AS (
  UPDATE conversations x SET last_seq = c.seq, version = version + 1 FROM c WHERE x.tenant_id = $1 AND x.id = c.id
), m AS (
  INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at)
  SELECT $1, gen_random_uuid(), id, channel_account_id, seq, 'OUTBOUND', 'TEXT', 'Your parcel is on its way.', 'RECONCILE_THEN_RETRY', 'QUEUED', now()
  FROM c RETURNING id, conversation_id, channel_account_id, seq
) INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
SELECT $1, id, channel_account_id, conversation_id, seq, 'READY', now(), now(), now() + interval '1 day' FROM m`

// sendAll queues messages in lanes of the tenants, rings, and returns how many a second were sent and recorded.
func (b *bench) sendAll(ctx context.Context, bells *jobs.Client, tenants, each int, accounts []int) (sample, error) {
	had := b.provider.sent.Load()
	for t := 2; t < 2+tenants; t++ {
		var lanes []string
		for _, which := range accounts {
			lanes = append(lanes, accountID(t, which).String())
		}
		if _, err := b.pool.Exec(ctx, queueSQL, tenantID(t), lanes, each); err != nil {
			return sample{}, err
		}
	}
	stop := meter(b.serve, b.work)
	begun, early := time.Now(), b.provider.sent.Load()-had // a worker that swept just now has begun without being asked
	for t := 2; t < 2+tenants; t++ {
		for _, which := range accounts {
			bells.Ring(ctx, inbox.TenantOf(tenantID(t)), accountID(t, which))
		}
	}
	for left := true; left; { // the database is asked only when the provider has everything
		if ctx.Err() != nil || time.Since(begun) > time.Minute {
			return sample{}, fmt.Errorf("not all messages were sent within a minute")
		}
		time.Sleep(2 * time.Millisecond)
		if b.provider.sent.Load()-had < int64(tenants*each) {
			continue
		}
		if err := b.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM dispatches)`).Scan(&left); err != nil {
			return sample{}, err
		}
	}
	sent := int64(tenants*each) - early
	return sample{float64(sent) / time.Since(begun).Seconds(), stop(int(sent))}, nil
}

func measureSend(ctx context.Context, b *bench, m measure) error {
	if err := b.working(ctx); err != nil {
		return err
	}
	bells, err := jobs.NewClient(jobs.Config{RedisURL: b.redis.URL()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = bells.Run(ctx) }()
	b.provider.latency.Store(0)
	ours := func(ctx context.Context) (sample, error) { return b.sendAll(ctx, bells, 10, 500, []int{0, 1}) }
	beside := func(ctx context.Context) (sample, error) {
		stop := meter(b.standins)
		answer, err := get(ctx, http.MethodPost, b.standins.url+"/dispatch?n=4000")
		if err != nil {
			return sample{}, err
		}
		seconds, err := strconv.ParseFloat(string(answer), 64)
		return sample{4000 / seconds, stop(4000)}, err
	}
	for _, warm := range []side{ours, beside} {
		if _, err := warm(ctx); err != nil {
			return err
		}
	}
	if err := b.faster(ctx, m, "messages sent, 20 lanes, provider at 0 ms", "/s", "one Asynq task a message", 2.5, ours, beside); err != nil {
		return err
	}
	b.provider.latency.Store(int64(50 * time.Millisecond))
	defer b.provider.latency.Store(0)
	const allowed = 32 / 0.050
	lane := func(ctx context.Context) (sample, error) { return b.sendAll(ctx, bells, 1, 500, []int{0}) }
	lanes, _, err := b.compare(ctx, m.id+"-50ms", lane, nil)
	if err != nil {
		return err
	}
	our := lanes.figure()
	b.add(row{ID: m.id, What: "one lane, provider at 50 ms", Ours: our, Unit: "/s", Beside: allowed, Name: "what 32 calls at once allow",
		Ratio: our / allowed, Goal: ">= 0.9", OK: our/allowed >= 0.9})
	return nil
}
