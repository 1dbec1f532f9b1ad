package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// told is a crowd and how to tell it something.
type told struct {
	*crowd
	tell func(ctx context.Context) error
}

// measureLast takes the time until the last of 1,000 subscribers has a change, one at a time and at 200 a second.
func measureLast(ctx context.Context, b *bench, m measure) error {
	const sockets = 1000
	us, err := b.audience(ctx, b.serve, sockets)
	if err != nil {
		return err
	}
	defer us.leave()
	size := us.bytes.Load() / us.frames.Load()
	raw, err := b.listenersOfRoom("p6", sockets)
	if err != nil {
		return err
	}
	defer raw.leave()
	callers, err := openCallers(b.standins.url, 16)
	if err != nil {
		return err
	}
	defer callers.close()
	path := fmt.Sprintf("/broadcast?room=p6&times=1&size=%d", size)
	ours := told{us, b.change}
	beside := told{raw, func(context.Context) error {
		return callers.with(func(c *caller) error { _, err := c.call(http.MethodPost, path, "", nil); return err })
	}}
	if err := b.compareLast(ctx, m, ours, beside); err != nil {
		return err
	}
	fast, limit, err := b.compare(ctx, m.id+"-200", ours.steadily(200), beside.steadily(200))
	if err != nil {
		return err
	}
	our, other := fast.figure(), limit.figure()
	b.add(row{ID: m.id, What: "the same at 200 changes/s, from when each was due, p99", Ours: our, Unit: "ms", Beside: other, Name: "raw broadcast",
		Ratio: our / other, Goal: "<= 50 ms", OK: our <= 50})
	return nil
}

func (b *bench) compareLast(ctx context.Context, m measure, ours, beside told) error {
	us, them := ours.singly(), beside.singly()
	if err := warm(ctx, us, them); err != nil {
		return err
	}
	single, raw, err := b.compare(ctx, m.id, us, them)
	if err != nil {
		return err
	}
	our, other := single.figure(), raw.figure()
	limit := 1.5*other + 5
	b.add(row{ID: m.id, What: "change (with its own commit) to the last of 1,000 subscribers, median", Ours: our, Unit: "ms", Beside: other,
		Name: "raw broadcast", Ratio: our / other, Goal: fmt.Sprintf("<= 1.5 x + 5 ms = %.1f ms", limit), OK: our <= limit})
	return nil
}

// singly is the side that waits for the last socket before the next change.
func (t told) singly() side {
	return plain(func(ctx context.Context) (float64, error) {
		var took []float64
		for range 20 {
			had, begun := t.frames.Load(), time.Now()
			if err := t.tell(ctx); err != nil {
				return 0, err
			}
			if err := t.await(ctx, had+int64(len(t.conns)), 10*time.Second); err != nil {
				return 0, err
			}
			took = append(took, ms(time.Duration(t.last.Load()-begun.UnixNano())))
		}
		return median(took), nil
	})
}

// tooLate is when a change counts as not delivered, in milliseconds.
const tooLate = 5_000

// steadily is the side that makes changes at a rate and waits for none.
func (t told) steadily(perSecond int) side {
	return plain(func(ctx context.Context) (float64, error) { return t.p99(ctx, perSecond) })
}

// p99 returns tooLate for a rate that cannot be held, when what is behind has been read: nothing else is measured meanwhile.
func (t told) p99(ctx context.Context, perSecond int) (float64, error) {
	const length = 2 * time.Second
	n := perSecond * int(length.Seconds())
	series, dues := t.follow(n), make([]time.Time, n)
	steady(ctx, float64(perSecond), length, func(n int, due time.Time) {
		dues[n] = due
		_ = t.tell(ctx) // what fails does not come
	})
	for end := time.Now().Add(tooLate * time.Millisecond); series.left.Load() > 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(end) {
			return tooLate, errors.Join(ctx.Err(), t.settle(ctx))
		}
	}
	took := make([]float64, n)
	for i := range took {
		took[i] = ms(time.Unix(0, series.last[i].Load()).Sub(dues[i]))
	}
	return quantile(took, 0.99), ctx.Err()
}

// settle waits until no frame has come for a second.
func (t told) settle(ctx context.Context) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && ctx.Err() == nil; {
		had := t.frames.Load()
		time.Sleep(time.Second)
		if t.frames.Load() == had {
			return nil
		}
	}
	return errors.New("frames come for a minute after the last change")
}
