package main

import (
	"context"
	"fmt"
	"time"
)

// measureFrames uses a process of its own, so that what others left in its memory is not counted, nor used again.
func measureFrames(ctx context.Context, b *bench, m measure) error {
	const sockets, times = 5000, 40
	fresh, err := b.start(ctx, "serve")
	if err != nil {
		return err
	}
	defer fresh.stop()
	before := fresh.rss()
	us, err := b.audience(ctx, fresh, sockets)
	if err != nil {
		return err
	}
	defer us.leave()
	each := (fresh.rss() - before) * 1024 / sockets
	size := us.bytes.Load() / us.frames.Load()
	raw, err := b.listenersOfRoom("p4", sockets)
	if err != nil {
		return err
	}
	defer raw.leave()
	rate := func(of *process, c *crowd, begin func() error) (sample, error) {
		stop, begun, had := meter(of), time.Now(), c.frames.Load()
		if err := begin(); err != nil {
			return sample{}, err
		}
		err := c.await(ctx, had+sockets*times, time.Minute)
		return sample{sockets * times / time.Since(begun).Seconds(), stop(sockets * times)}, err
	}
	ours := func(ctx context.Context) (sample, error) {
		return rate(fresh, us, func() error {
			for range times {
				if err := b.change(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	beside := func(ctx context.Context) (sample, error) {
		return rate(b.standins, raw, func() error { return b.broadcast(ctx, "p4", times, size) })
	}
	if err := b.faster(ctx, m, fmt.Sprintf("frames of %d bytes to 5,000 subscribers", size), "/s", "raw broadcast", 0.8, ours, beside); err != nil {
		return err
	}
	b.within(m, "memory a subscriber", each, "KiB", 16)
	return nil
}
