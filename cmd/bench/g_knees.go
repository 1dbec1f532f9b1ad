package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// load is one kind of work at the highest rate that this machine takes.
type load struct {
	name string
	run  func(context.Context) (float64, error) // returns the operations
}

// growKnees shows what is used up at the highest rate of each kind of work.
func (b *bench) growKnees(ctx context.Context) (*sheet, error) {
	s := &sheet{title: "What is used up first", note: fmt.Sprintf("Cores in use out of %d while each kind of work is done as fast as it goes; the client, "+
		"which also plays the provider, shares them, and so does whoever else uses the machine.", runtime.NumCPU()),
		head: []string{"work", "/s", "serve", "work", "Postgres", "Redis", "client", "whole machine", "WAL being flushed", "used up first"}}
	if err := b.working(ctx); err != nil {
		return nil, err
	}
	loads, end, err := b.loads(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	for _, l := range loads {
		if _, err := l.run(ctx); err != nil { // warms
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		o, err := b.observe(ctx, map[string]*process{"serve": b.serve, "work": b.work}, func() (float64, error) { return l.run(ctx) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		s.add(l.name, number(o.operations/o.seconds), number(o.cores["serve"]), number(o.cores["work"]), number(o.cores["Postgres"]), number(o.cores["Redis"]),
			number(o.cores["client"]), number(o.machine), fmt.Sprintf("%.0f %%", 100*o.flushing), o.usedUp(float64(runtime.NumCPU())))
	}
	return s, nil
}

// usedUp names the resource of which nothing is left.
func (o observation) usedUp(cores float64) string {
	most, name := 0.0, ""
	for part, used := range o.cores {
		if used > most {
			most, name = used, part
		}
	}
	switch {
	case o.machine >= 0.9*cores:
		return "processors, most of them for " + name
	case o.flushing >= 0.7:
		return "flushing the WAL"
	default:
		return "none: it waits for locks and answers"
	}
}

func (b *bench) loads(ctx context.Context) ([]load, func(), error) {
	bells, err := jobs.NewClient(jobs.Config{RedisURL: b.redis.URL()})
	if err != nil {
		return nil, nil, err
	}
	ringing, cancel := context.WithCancel(ctx)
	go func() { _ = bells.Run(ringing) }()
	watchers, err := b.audience(ctx, b.serve, 5000)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	tokens, list := b.tokensOf(bigTenant), query(listQuery, nil)
	flooded := func(s side, length time.Duration) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			got, err := s(ctx)
			return got.figure * length.Seconds(), err
		}
	}
	return []load{
		{"webhooks of 100 tenants", flooded(post(b.serve, "/webhooks/meta", firstEmpty, 100, 64), floodLength)},
		{"webhooks of one tenant", flooded(post(b.serve, "/webhooks/meta", firstEmpty, 1, 64), floodLength)},
		{"messages sent, 20 lanes", func(ctx context.Context) (float64, error) {
			l := lanes{2, 10, 500, []int{0, 1}}
			_, err := l.send(ctx, b, bells, b.work)
			return float64(l.tenants * l.each), err
		}},
		{"sendMessage, sent too", flooded(acts()[0].ours(b, 100), actLength)},
		{"lists of 50", flooded(func(ctx context.Context) (sample, error) {
			return flood(ctx, b.serve, 8, floodLength, func(c *caller, worker, n int) error {
				_, err := c.ask(tokens[(worker+8*n)%everybody], list)
				return err
			})
		}, floodLength)},
		{"frames to 5,000 subscribers", func(ctx context.Context) (float64, error) { return b.frames(ctx, watchers, 40) }},
	}, func() { cancel(); watchers.leave() }, nil
}

// frames makes so many changes and returns the frames they led to.
func (b *bench) frames(ctx context.Context, c *crowd, changes int) (float64, error) {
	had, n := c.frames.Load(), int64(changes*len(c.conns))
	for range changes {
		if err := b.change(ctx); err != nil {
			return 0, err
		}
	}
	return float64(n), c.await(ctx, had+n, time.Minute)
}
