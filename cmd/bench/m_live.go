package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const audienceTenant = 2

// changeSQL commits one event of the tenant, as another process of the product would.
const changeSQL = `WITH head AS (UPDATE tenant_heads SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq)
INSERT INTO events (tenant_id, seq, kind, at, actor_kind, conversation_id, channel_account_id, contact_id, message_id, message_seq, direction, version,
  status_before, status_after, message_status_after)
SELECT $1, head.seq, 'MESSAGE_CREATED', now(), 'SYSTEM', c.id, c.channel_account_id, c.contact_id, $3, 10, 'INBOUND', c.version, c.status, c.status,
  'RECEIVED' FROM head, conversations c WHERE c.tenant_id = $1 AND c.id = $2 RETURNING seq`

// change commits one change of an open conversation and tells of it, in two transactions as the product does. It returns between the two.
func (b *bench) change(ctx context.Context, t int) error {
	var seq int64
	if err := b.pool.QueryRow(ctx, changeSQL, tenantID(t), conversationID(t, 1), messageID(t, 1, 9)).Scan(&seq); err != nil {
		return err
	}
	_, err := b.pool.Exec(ctx, `SELECT pg_notify('switchboard_events', $1)`, fmt.Sprintf("%s %d", tenantID(t), seq))
	return err
}

// changes are so many a second; 0: one after the other, as fast as they can be committed.
func (b *bench) burst(ctx context.Context, t, n int, every time.Duration) error {
	next := time.Now()
	for range n {
		if err := b.change(ctx, t); err != nil {
			return err
		}
		next = next.Add(every)
		time.Sleep(time.Until(next))
	}
	return nil
}

func measureFrames(ctx context.Context, b *bench, m measure) error {
	const sockets, times = 5000, 60
	before := b.serve.rss()
	us, err := b.audience(ctx, audienceTenant, sockets)
	if err != nil {
		return err
	}
	defer us.leave()
	each := (b.serve.rss() - before) * 1024 / sockets
	size := us.bytes.Load() / us.frames.Load()
	raw := &crowd{}
	if err := raw.gather(sockets, func(int) (*websocket.Conn, error) { return room(b.standins.url, "p4") }); err != nil {
		return err
	}
	defer raw.leave()
	rate := func(c *crowd, begin func() error) (float64, error) {
		begun, had := time.Now(), c.frames.Load()
		if err := begin(); err != nil {
			return 0, err
		}
		err := c.await(ctx, had+sockets*times, time.Minute)
		return sockets * times / time.Since(begun).Seconds(), err
	}
	ours := plain(func(ctx context.Context) (float64, error) {
		return rate(us, func() error { return b.burst(ctx, audienceTenant, times, 0) })
	})
	beside := plain(func(ctx context.Context) (float64, error) {
		return rate(raw, func() error {
			_, err := get(ctx, http.MethodPost, fmt.Sprintf("%s/broadcast?room=p4&times=%d&size=%d", b.standins.url, times, size))
			return err
		})
	})
	if err := b.faster(ctx, m, fmt.Sprintf("frames of %d bytes to 5,000 subscribers", size), "/s", "raw broadcast", 0.8, ours, beside); err != nil {
		return err
	}
	b.within(m, "memory a subscriber", each, "KiB", 16)
	return nil
}

// statements returns how many statements the product has sent, those that only begin or end a transaction apart.
func (b *bench) statements(ctx context.Context) (all, control int64, err error) {
	err = b.pool.QueryRow(ctx, `SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query ~* '^(begin|commit|select set_config)'), 0)
		FROM bench.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'switchboard_app'
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&all, &control)
	return all, control, err
}

func measureStatements(ctx context.Context, b *bench, m measure) error {
	var work [2]float64
	for i, sockets := range []int{1, 5000} {
		c, err := b.audience(ctx, audienceTenant, sockets)
		if err != nil {
			return err
		}
		defer c.leave()
		const times = 20
		all, control, err := b.statements(ctx)
		if err != nil {
			return err
		}
		for range times {
			had := c.frames.Load()
			if err := b.change(ctx, audienceTenant); err != nil {
				return err
			}
			if err := c.await(ctx, had+int64(sockets), 10*time.Second); err != nil {
				return err
			}
		}
		allAfter, controlAfter, err := b.statements(ctx)
		if err != nil {
			return err
		}
		work[i] = float64(allAfter-all-(controlAfter-control)) / times
		c.leave()
	}
	b.within(m, "statements a change, 1 subscriber (begin and commit apart)", work[0], "", 4.5) // polls and heartbeats fall in between
	b.within(m, "statements a change, 5,000 subscribers", work[1], "", 4.5)
	return nil
}

func measureLast(ctx context.Context, b *bench, m measure) error {
	const sockets = 1000
	us, err := b.audience(ctx, audienceTenant, sockets)
	if err != nil {
		return err
	}
	defer us.leave()
	size := us.bytes.Load() / us.frames.Load()
	raw := &crowd{}
	if err := raw.gather(sockets, func(int) (*websocket.Conn, error) { return room(b.standins.url, "p6") }); err != nil {
		return err
	}
	defer raw.leave()
	last := func(c *crowd, begin func() error) (float64, error) {
		var took []float64
		for range 20 {
			had, begun := c.frames.Load(), time.Now()
			if err := begin(); err != nil {
				return 0, err
			}
			if err := c.await(ctx, had+sockets, 10*time.Second); err != nil {
				return 0, err
			}
			took = append(took, ms(time.Duration(c.last.Load()-begun.UnixNano())))
		}
		return median(took), nil
	}
	ours := plain(func(ctx context.Context) (float64, error) {
		return last(us, func() error { return b.change(ctx, audienceTenant) })
	})
	beside := plain(func(ctx context.Context) (float64, error) {
		return last(raw, func() error {
			_, err := get(ctx, http.MethodPost, fmt.Sprintf("%s/broadcast?room=p6&times=1&size=%d", b.standins.url, size))
			return err
		})
	})
	us1000, raw1000, err := b.compare(ctx, m.id, ours, beside)
	if err != nil {
		return err
	}
	our, other := us1000.figure(), raw1000.figure()
	limit := 1.5*other + 5
	b.add(row{ID: m.id, What: "change (with its own commit) to the last of 1,000 subscribers, median", Ours: our, Unit: "ms", Beside: other,
		Name: "raw broadcast", Ratio: our / other, Goal: fmt.Sprintf("<= 1.5 x + 5 ms = %.1f ms", limit), OK: our <= limit})
	return nil
}
