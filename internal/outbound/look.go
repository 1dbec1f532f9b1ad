package outbound

import (
	"context"
	"errors"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const lookPatience = 15 * time.Second

// errNoProbe undoes the taking of a probe for which there was no row.
var errNoProbe = errors.New("nothing to probe with")

// glance is what one look is to do.
type glance struct {
	group   []result      // to be recorded first
	most    int           // rows to claim
	last    bool          // no call beside the group is under way
	granted int           // tokens for so many rows
	retry   time.Duration // when there may be more
}

// catch is what one look at a lane brought.
type catch struct {
	calls    []Due         // claimed: to be called before the deadline
	drained  bool          // nothing else was due
	probe    bool          // the one call is a probe of an open breaker
	overdue  []Due         // to be settled
	passed   bool          // something holds the lane, which is to be looked at again
	retry    time.Duration // greater than 0: when tokens may be there again
	deadline time.Time     // when the lease of the calls ends, on this process's own monotonic clock
	rest     *rest         // of a last look that found nothing; nil: of any other
}

// idle reports whether another look would find nothing before something happens.
func (c *catch) idle() bool {
	return !c.passed && len(c.overdue) == 0 && (len(c.calls) == 0 || c.drained)
}

// look records a group of results, reads how the lane is after them, and takes what it lets go, in one transaction: rows, one probe, or nothing. A
// last look that finds nothing also finds out how long the lane may be left alone. Once begun it is not given up with ctx: a claim whose commit
// was cut would leave leases that nobody holds.
func (v *visit) look(ctx context.Context, g glance) (catch, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookPatience)
	defer cancel()
	rate, err := v.rate(ctx)
	if err != nil {
		return catch{}, err
	}
	if err := faultpoint.Point("out.ratelimit"); err != nil {
		return catch{}, err
	}
	g.granted = g.most
	if rate.PerSecond > 0 {
		g.granted, g.retry = v.o.cfg.Limiter.Reserve(ctx, v.account, rate, g.most)
	}
	var c catch
	var found recorded
	err = v.o.store.InTenant(ctx, v.tenant, func(tx Tx) (err error) {
		c = catch{deadline: time.Now().Add(v.o.lease())}
		if len(g.group) > 0 {
			if found, err = v.recordIn(ctx, tx, g.group); err != nil {
				return err
			}
		}
		return v.lookIn(ctx, tx, &c, g)
	})
	if len(c.calls) > 0 {
		_ = faultpoint.Point("out.attempt_commit")
	}
	if errors.Is(err, errNoProbe) {
		c.probe, err = false, nil
		if g.last {
			c.rest, err = v.next(ctx)
		}
	}
	if err != nil {
		c.calls = nil
	}
	if unused := g.granted - len(c.calls); unused > 0 && rate.PerSecond > 0 {
		v.o.cfg.Limiter.Return(ctx, v.account, rate, unused)
	}
	if err == nil && len(g.group) > 0 {
		v.report(ctx, found)
	}
	return c, err
}

// lookIn is the part of a look that follows what it records.
func (v *visit) lookIn(ctx context.Context, tx Tx, c *catch, g glance) error {
	road, err := tx.Road(ctx, v.account)
	if err != nil {
		return err
	}
	v.see(road)
	if err := v.takeIn(ctx, tx, c, g); err != nil {
		return err
	}
	if !g.last || c.rest != nil || len(c.calls) > 0 || !c.idle() {
		return nil
	}
	if c.retry > 0 { // neither what falls due nor what is queued meanwhile may go sooner
		c.rest = &rest{wait: c.retry, ok: true, deaf: true}
		return nil
	}
	c.rest, err = v.restIn(ctx, tx, road.Now)
	return err
}

// takeIn claims what the lane lets go. What holds it is seen to in a transaction of its own, not in one that has recorded: a lane is locked
// before anything else.
func (v *visit) takeIn(ctx context.Context, tx Tx, c *catch, g glance) error {
	recorded, shut := len(g.group) > 0, v.lane.shut()
	over := v.lane.Hold == HoldBreaker && shut == HoldNone || v.lane.Hold == HoldReauth && shut != HoldReauth
	switch {
	case recorded && (shut != HoldNone || over):
		c.passed = true
		return nil
	case over:
		c.passed = true
		return v.free(ctx, tx)
	case shut == HoldBreaker:
		return v.lookOpen(ctx, tx, c)
	case shut != HoldNone:
		return v.hold(ctx, tx, c, shut, 0)
	case g.granted > 0 && recorded:
		return v.lookAgain(ctx, tx, c, g)
	case g.granted > 0:
		return v.lookFree(ctx, tx, c, g)
	}
	v.short = true
	c.retry = max(g.retry, refill(v.lane.rate))
	if recorded {
		return nil
	}
	return v.hold(ctx, tx, c, HoldRateLimit, tokenPatience)
}

// refill is how long half of a bucket takes to fill: a lane without tokens looks no sooner, so that a look finds several and none overflows.
func refill(rate channel.Rate) time.Duration {
	if rate.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(rate.Burst) / rate.PerSecond / 2 * float64(time.Second))
}

// lookFree claims. A rate holds the lane until nothing has waited for long: between two tokens, and after a limit that comes back at once, the
// queue behind it waits for the same thing.
func (v *visit) lookFree(ctx context.Context, tx Tx, c *catch, g glance) error {
	switch {
	case v.short:
		if err := v.hold(ctx, tx, c, HoldRateLimit, tokenPatience); err != nil || len(c.overdue) > 0 {
			return err // a claim would find some of these too
		}
	case v.lane.Hold == HoldRateLimit:
		if _, err := tx.FreeLane(ctx, v.account, HoldRateLimit, tokenPatience); err != nil {
			return err
		}
	}
	return v.grab(ctx, tx, c, g)
}

// lookAgain claims in a transaction that has recorded. A lane that may be empty by now is asked first, because a claim that finds nothing costs
// nearly as much as one that does. Whether a held one is still held is seen to by a look of its own.
func (v *visit) lookAgain(ctx context.Context, tx Tx, c *catch, g glance) error {
	held := v.lane.Hold == HoldRateLimit
	if g.last && !held {
		r, err := v.restIn(ctx, tx, time.Time{})
		if err != nil {
			return err
		}
		if !r.ok || r.wait > 0 {
			c.rest, v.short = r, false
			return nil
		}
	}
	err := v.grab(ctx, tx, c, g)
	c.passed = held && len(c.calls) == 0
	return err
}

// grab claims as many rows as there are tokens for.
func (v *visit) grab(ctx context.Context, tx Tx, c *catch, g glance) error {
	err := v.claim(ctx, tx, c, g.granted)
	c.drained = len(c.calls)+len(c.overdue) < g.granted
	v.short = g.granted < g.most && !c.drained
	return err
}

// free ends a hold that is over, when all that it concerns is in order again: a part of it at each look.
func (v *visit) free(ctx context.Context, tx Tx) error {
	if _, err := tx.LockBreaker(ctx, v.account); err != nil {
		return err
	}
	n, err := tx.OrderAgain(ctx, v.account, v.lane.Hold, mostOrdered)
	if err != nil || n == mostOrdered {
		return err
	}
	_, err = tx.FreeLane(ctx, v.account, v.lane.Hold, 0)
	return err
}

// lookOpen holds everything but one probe a minute. Rows that were held for an hour fail, but not before a probe that is due: the provider may have
// come back while nobody looked. There is no next channel.
func (v *visit) lookOpen(ctx context.Context, tx Tx, c *catch) error {
	if err := v.hold(ctx, tx, c, HoldBreaker, 0); err != nil || len(c.overdue) > 0 {
		return err // first things first: the probe's row must not be one of these
	}
	mine, err := tx.TakeProbe(ctx, v.account, breakerPause)
	if err != nil {
		return err
	}
	if mine {
		c.probe = true
		if err := v.claim(ctx, tx, c, 1); err != nil || len(c.calls)+len(c.overdue) > 0 {
			return err
		}
		c.probe = false
	}
	c.overdue, err = tx.DownTooLong(ctx, v.account, breakerPatience, mostOverdue)
	if err == nil && mine && len(c.overdue) == 0 {
		return errNoProbe
	}
	return err
}
