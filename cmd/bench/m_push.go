package main

import (
	"context"
	"errors"
	"time"
)

// measurePush brings webhooks at a steady rate and takes the time until each is in the frame of every one of the 20 sockets of its tenant, and
// then looks for the highest rate that can be held.
func measurePush(ctx context.Context, b *bench, m measure) error {
	ours, err := b.ourRoute().watch(pushTenant, 10)
	if err != nil {
		return err
	}
	defer ours.close()
	beside, err := b.minimalRoute().watch(pushTenant, 10)
	if err != nil {
		return err
	}
	defer beside.close()
	if err := errors.Join(ours.warm(ctx), beside.warm(ctx)); err != nil {
		return err
	}
	us, them, err := b.compare(ctx, m.id, ours.p99(100), beside.p99(100))
	if err != nil {
		return err
	}
	our, other := us.figure(), them.figure()
	b.add(row{ID: m.id, What: "webhook to the last of 20 sockets, 100/s, 10 tenants, p99", Ours: our, Unit: "ms", Beside: other,
		Name: "minimal path, no cursor, no resume", Ratio: our / other, Goal: "<= 2", OK: our/other <= 2})
	if err := b.faster(ctx, m, "knee: highest rate with p99 < 100 ms and nothing missing", "/s", "minimal path", 0.4, ours.knee(400), beside.knee(1600)); err != nil {
		return err
	}
	b.quoted(m, "the same", b.rows[len(b.rows)-1].Ours, "/s", libredeskKnee, "Libredesk", 6)
	return nil
}

// p99 is the side of a rate that both can hold.
func (p *push) p99(perSecond float64) side {
	return plain(func(ctx context.Context) (float64, error) {
		took, missing := p.at(ctx, perSecond, 2*time.Second)
		if missing > 0 {
			return 0, errors.New("messages are missing")
		}
		return quantile(took, 0.99), ctx.Err()
	})
}

// knee is the side that looks for the highest rate, first from far and then around what it found.
func (p *push) knee(from float64) side {
	at := 0.0
	return plain(func(ctx context.Context) (float64, error) {
		if at == 0 {
			at = findKnee(from, p.holds(ctx))
		} else {
			at = refineKnee(at, p.holds(ctx))
		}
		return at, ctx.Err()
	})
}
