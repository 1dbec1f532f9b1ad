package main

import (
	"context"
	"time"
)

// growSubscribers takes how long one change needs to the last of its subscribers, and how many frames a second a burst makes.
func (b *bench) growSubscribers(ctx context.Context) (*sheet, error) {
	s := &sheet{title: "Subscribers of one list", note: "Each row has a process of its own; CPU is that of `serve` for one frame.",
		head: []string{"subscribers", "change to the last, p50 ms", "p95 ms", "frames/s in a burst", "CPU µs a frame", "serve, MiB"}}
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		cells, err := b.subscribersRow(ctx, n)
		if err != nil {
			return nil, err
		}
		s.add(cells...)
	}
	return s, nil
}

func (b *bench) subscribersRow(ctx context.Context, n int) ([]string, error) {
	fresh, err := b.start(ctx, "serve")
	if err != nil {
		return nil, err
	}
	defer fresh.stop()
	c, err := b.audience(ctx, fresh, n)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	var took []float64
	for range 40 {
		had, begun := c.frames.Load(), time.Now()
		if err := b.change(ctx); err != nil {
			return nil, err
		}
		if err := c.await(ctx, had+int64(n), 10*time.Second); err != nil {
			return nil, err
		}
		took = append(took, ms(time.Duration(c.last.Load()-begun.UnixNano())))
	}
	times := max(5, min(200, 200_000/n))
	stop, begun, had := meter(fresh), time.Now(), c.frames.Load()
	for range times {
		if err := b.change(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.await(ctx, had+int64(n*times), time.Minute); err != nil {
		return nil, err
	}
	rate := float64(n*times) / time.Since(begun).Seconds()
	return []string{count(n), number(median(took)), number(quantile(took, 0.95)), number(rate), number(1000 * stop(n*times).App), number(fresh.rss())}, nil
}
