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

// writeSQL makes a message that is not queued yet in each of the first conversations of a tenant, and queueLanesSQL queues these.
const (
	writeSQL = `WITH c AS (
  SELECT id, channel_account_id, last_seq + 1 AS seq FROM conversations WHERE tenant_id = $1 AND channel_account_id = ANY ($2) ORDER BY id LIMIT $3
), up AS (
  UPDATE conversations x SET last_seq = c.seq, version = version + 1 FROM c WHERE x.tenant_id = $1 AND x.id = c.id
) INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at)
SELECT $1, gen_random_uuid(), id, channel_account_id, seq, 'OUTBOUND', 'TEXT', 'Your parcel is on its way.', 'RECONCILE_THEN_RETRY', 'QUEUED', now() FROM c`
	queueLanesSQL = `INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
SELECT $1, m.id, m.channel_account_id, m.conversation_id, m.seq, 'READY', now(), now(), now() + interval '1 day'
FROM (SELECT id, last_seq FROM conversations WHERE tenant_id = $1 AND channel_account_id = ANY ($2) ORDER BY id LIMIT $3) c
JOIN messages m ON m.tenant_id = $1 AND m.conversation_id = c.id AND m.seq = c.last_seq`
)

// lanes are accounts of so many tenants from the first on, each tenant with so many messages.
type lanes struct {
	first, tenants, each int
	accounts             []int
}

// run calls a statement for every tenant.
func (l lanes) run(ctx context.Context, b *bench, statement string) error {
	for t := l.first; t < l.first+l.tenants; t++ {
		var ids []string
		for _, which := range l.accounts {
			ids = append(ids, accountID(t, which).String())
		}
		if _, err := b.pool.Exec(ctx, statement, tenantID(t), ids, l.each); err != nil {
			return err
		}
	}
	return nil
}

// send queues the messages and rings, and returns how many a second were sent and recorded. Its time begins when the messages are there and
// none is queued, as that of the stand-in does.
func (l lanes) send(ctx context.Context, b *bench, bells *jobs.Client, work ...*process) (sample, error) {
	if err := l.run(ctx, b, writeSQL); err != nil {
		return sample{}, err
	}
	had, n := b.provider.sent.Load(), l.tenants*l.each
	stop, begun := meter(work...), time.Now()
	if err := l.run(ctx, b, queueLanesSQL); err != nil {
		return sample{}, err
	}
	for t := l.first; t < l.first+l.tenants; t++ {
		for _, which := range l.accounts {
			bells.Ring(ctx, inbox.TenantOf(tenantID(t)), accountID(t, which))
		}
	}
	for left := true; left; { // the database is asked only when the provider has everything
		if ctx.Err() != nil || time.Since(begun) > time.Minute {
			return sample{}, fmt.Errorf("not all messages were sent within a minute")
		}
		time.Sleep(2 * time.Millisecond)
		if b.provider.sent.Load()-had < int64(n) {
			continue
		}
		if err := b.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM dispatches WHERE due_at < now() + interval '1 hour')`).Scan(&left); err != nil {
			return sample{}, err
		}
	}
	return sample{figure: float64(n) / time.Since(begun).Seconds(), cpu: stop(n)}, nil
}

// oneTaskEach is the stand-in's side: so many messages, each with a task of a queue.
func (b *bench) oneTaskEach(n int) side {
	return func(ctx context.Context) (sample, error) {
		if _, err := get(ctx, http.MethodPost, fmt.Sprintf("%s/outbox?n=%d", b.standins.url, n)); err != nil {
			return sample{}, err
		}
		stop := meter(b.standins)
		answer, err := get(ctx, http.MethodPost, fmt.Sprintf("%s/dispatch?n=%d", b.standins.url, n))
		if err != nil {
			return sample{}, err
		}
		seconds, err := strconv.ParseFloat(string(answer), 64)
		return sample{figure: float64(n) / seconds, cpu: stop(n)}, err
	}
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
	twenty := lanes{2, 10, 500, []int{0, 1}}
	one := lanes{middleTenant, 1, 1600, []int{0}} // fifty times what may be called at once, so that neither the beginning nor a last call decides
	ours := func(ctx context.Context) (sample, error) { return twenty.send(ctx, b, bells, b.work) }
	beside := b.oneTaskEach(5000)
	if err := warm(ctx, ours, beside); err != nil {
		return err
	}
	if err := b.faster(ctx, m, "messages sent, 20 lanes, provider at 0 ms", "/s", "one Asynq task a message", 2.5, ours, beside); err != nil {
		return err
	}
	b.provider.latency.Store(int64(50 * time.Millisecond))
	defer b.provider.latency.Store(0)
	slowly := func(ctx context.Context) (sample, error) { return one.send(ctx, b, bells, b.work) }
	bare := plain(func(ctx context.Context) (float64, error) { return b.provider.called(ctx, 32, one.each) })
	if err := warm(ctx, slowly, bare); err != nil {
		return err
	}
	slow, calls, err := b.compare(ctx, m.id+"-50ms", slowly, bare)
	if err != nil {
		return err
	}
	our, allowed := slow.figure(), calls.figure()
	b.add(row{ID: m.id, What: "one lane, provider at 50 ms", Ours: our, Unit: "/s", Beside: allowed, Name: "32 calls at once and nothing else",
		Ratio: our / allowed, Goal: ">= 0.9", OK: our/allowed >= 0.9})
	return nil
}
