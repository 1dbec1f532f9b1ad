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
	before, err := fresh.memory()
	if err != nil {
		return err
	}
	us, err := b.audience(ctx, fresh, sockets)
	if err != nil {
		return err
	}
	defer us.leave()
	after, err := fresh.memory()
	if err != nil {
		return err
	}
	each := (after - before) * 1024 / sockets
	size := us.bytes.Load() / us.frames.Load()
	raw, err := b.listenersOfRoom("p4", sockets)
	if err != nil {
		return err
	}
	defer raw.leave()
	what := fmt.Sprintf("frames of %d bytes to 5,000 subscribers", size)
	for _, burst := range []int{times, 1} {
		ours := func(ctx context.Context) (sample, error) {
			return us.rate(ctx, fresh, times/burst, burst, func() (err error) {
				for n := 0; n < burst && err == nil; n++ {
					err = b.change(ctx)
				}
				return err
			})
		}
		beside := func(ctx context.Context) (sample, error) {
			return raw.rate(ctx, b.standins, times/burst, burst, func() error { return b.broadcast(ctx, "p4", burst, size) })
		}
		if err := warm(ctx, ours, beside); err != nil {
			return err
		}
		if burst == times {
			err = b.faster(ctx, m, what, "/s", "raw broadcast", 0.8, ours, beside)
		} else {
			err = b.beside(ctx, m, "the same, each change when all have the one before", "/s", "raw broadcast", ours, beside)
		}
		if err != nil {
			return err
		}
	}
	b.within(m, "memory a subscriber", each, "KiB", 16)
	return nil
}

// rate makes bursts of changes, each when everybody has the one before, and returns the frames a second that they led to.
func (c *crowd) rate(ctx context.Context, of *process, bursts, changes int, burst func() error) (sample, error) {
	stop, begun, had, each := meter(of), time.Now(), c.frames.Load(), changes*len(c.conns)
	for n := 1; n <= bursts; n++ {
		if err := burst(); err != nil {
			return sample{}, err
		}
		if err := c.await(ctx, had+int64(n*each), time.Minute); err != nil {
			return sample{}, err
		}
	}
	return sample{figure: float64(bursts*each) / time.Since(begun).Seconds(), cpu: stop(bursts * each)}, nil
}
