package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

func measureMemory(ctx context.Context, b *bench, m measure) error {
	fresh, err := b.start(ctx, "serve")
	if err != nil {
		return err
	}
	defer fresh.stop()
	time.Sleep(2 * time.Second)
	idle, err := fresh.memory()
	if err != nil {
		return err
	}
	b.within(m, "idle serve", idle, "MiB", 60)
	const sockets = 10_000
	c, err := b.audience(ctx, fresh, sockets) // one that is refused keeps its socket, and hears of nothing
	if err != nil {
		return err
	}
	defer c.leave()
	time.Sleep(2 * time.Second)
	if n := c.ended.Load(); n > 0 {
		return fmt.Errorf("%d of %d sockets were closed", n, sockets)
	}
	with, err := fresh.memory()
	if err != nil {
		return err
	}
	b.within(m, "serve with 10,000 subscribers", with, "MiB", 250)
	c.leave()
	fresh.stop()
	return b.measureQueue(ctx, m)
}

// measureQueue compares what workers need while they drain a queue of a million messages with what they need for a queue a tenth as long,
// which is still longer than what its hundred lanes have in hand and than what is sent meanwhile.
func (b *bench) measureQueue(ctx context.Context, m measure) error {
	if err := b.copyOf(ctx, queueData()); err != nil {
		return err
	}
	b.work.stop()
	b.work = nil
	long, err := b.drain(ctx, 1)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, b.postgres.URL(queueData().name))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, shortenSQL); err != nil {
		return err
	}
	short, err := b.drain(ctx, 2)
	if err != nil {
		return err
	}
	b.add(row{ID: m.id, What: "work while it drains a queue of 1,000,000 messages", Ours: long, Unit: "MiB", Beside: short, Name: "of 100,000",
		Ratio: long / short, Goal: "<= 1.2", OK: long/short <= 1.2})
	return nil
}

// shortenSQL leaves 100,000 messages in the queue, none of them touched.
const shortenSQL = `CREATE TEMP TABLE kept AS SELECT * FROM dispatches WHERE state = 'READY' AND attempt = 0 AND seq > 8 ORDER BY seq, conversation_id LIMIT 100000;
	TRUNCATE dispatches; INSERT INTO dispatches SELECT * FROM kept; ANALYZE dispatches`

// drain lets workers drain the queue for five seconds and returns the most memory they had. Their bells are in a Redis database of their own.
func (b *bench) drain(ctx context.Context, redis int) (float64, error) {
	had := b.provider.sent.Load()
	work, err := b.start(ctx, "work", "DATABASE_URL="+b.postgres.UserURL("switchboard_app", queueData().name), "REDIS_URL="+b.redis.DatabaseURL(redis))
	if err != nil {
		return 0, err
	}
	defer work.stop()
	for end := time.Now().Add(20 * time.Second); b.provider.sent.Load() == had && time.Now().Before(end); { // a sweep finds the lanes
		time.Sleep(time.Millisecond)
	}
	most := 0.0
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		now, err := work.memory()
		if err != nil {
			return 0, err
		}
		most = max(most, now)
	}
	if b.provider.sent.Load()-had < 1000 {
		return 0, fmt.Errorf("only %d messages were sent", b.provider.sent.Load()-had)
	}
	return most, ctx.Err()
}
