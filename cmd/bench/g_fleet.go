package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// growFleet measures what a message costs at a rate that is held with ease, and computes what a fleet needs.
func (b *bench) growFleet(ctx context.Context) (*sheet, error) {
	c, err := b.measureCosts(ctx)
	if err != nil {
		return nil, err
	}
	d := theDemand()
	s := &sheet{title: fmt.Sprintf("A fleet for %s tenants and %s messages an hour", count(int(d.tenants)), count(int(d.perHour))),
		note: fmt.Sprintf("Computed from what this run measured on this machine: %g %% of the messages come in, the peak is %g times the average, %g agents of each tenant "+
			"are online, a message that comes in brings each a frame and one that goes out %g, and %g %% of a core may be used. "+
			"A message in costs %s ms of serve and %s of Postgres, one out %s of serve, %s of work and %s of Postgres; the same parts of a core "+
			"elsewhere are to be scaled by its speed. That Postgres is one primary is the first limit: its cores below are those of one machine.",
			100*d.inbound, d.peak, d.online, d.framesOut, 100*d.use, number(c.in.serve), number(c.in.postgres), number(c.out.serve), number(c.out.work), number(c.out.postgres)),
		head: []string{"what", "arithmetic", "needed"}}
	for _, line := range d.plan(c) {
		s.add(line...)
	}
	return s, nil
}

func (b *bench) measureCosts(ctx context.Context) (c costs, err error) {
	if err := b.working(ctx); err != nil {
		return c, err
	}
	if _, err := b.pool.Exec(ctx, `DELETE FROM dispatches`); err != nil {
		return c, err
	}
	in := post(b.serve, "/webhooks/meta", firstEmpty, 100, 8)
	c.in, err = b.costOf(ctx, func() (float64, error) {
		s, err := in(ctx)
		return s.figure * floodLength.Seconds(), err
	})
	if err != nil {
		return c, err
	}
	out := acts()[0].ours(b, 100)
	c.out, err = b.costOf(ctx, func() (float64, error) {
		s, err := out(ctx)
		return s.figure * actLength.Seconds(), errors.Join(err, b.allSent(ctx))
	})
	if err != nil {
		return c, err
	}
	c.frame, c.socket, err = b.socketCosts(ctx)
	return c, err
}

// costOf takes the mean of three stretches after one that warms.
func (b *bench) costOf(ctx context.Context, run func() (float64, error)) (m message, err error) {
	if _, err := run(); err != nil {
		return m, err
	}
	o, err := b.observe(ctx, map[string]*process{"serve": b.serve, "work": b.work}, func() (sum float64, err error) {
		for range 3 {
			n, err := run()
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	})
	return message{serve: o.each("serve"), work: o.each("work"), postgres: o.each("Postgres"), redis: o.each("Redis"),
		wal: o.wal / o.operations, stored: o.stored / o.operations, rows: o.rows / o.operations}, err
}

func (b *bench) allSent(ctx context.Context) error {
	for left, end := true, time.Now().Add(time.Minute); left; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("not all messages were sent within a minute")
		}
		if err := b.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM dispatches WHERE due_at < now() + interval '1 hour')`).Scan(&left); err != nil {
			return err
		}
	}
	return nil
}

// socketCosts returns the microseconds of a frame and the KiB of a subscriber, at 2,000 subscribers of a process of its own.
func (b *bench) socketCosts(ctx context.Context) (frame, socket float64, err error) {
	const sockets, changes = 2000, 50
	fresh, err := b.start(ctx, "serve")
	if err != nil {
		return 0, 0, err
	}
	defer fresh.stop()
	before := fresh.rss()
	c, err := b.audience(ctx, fresh, sockets)
	if err != nil {
		return 0, 0, err
	}
	defer c.leave()
	socket = (fresh.rss() - before) * 1024 / sockets
	stop := meter(fresh)
	n, err := b.frames(ctx, c, changes)
	return 1000 * stop(int(n)).App, socket, err
}
