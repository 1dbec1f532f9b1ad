package outbound

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const (
	mostOverdue  = 200
	mostOrdered  = 1000
	lookPatience = 15 * time.Second
	// tokenPatience is how long a row may wait for a token of its account's rate before that is shown as a hold of the lane.
	tokenPatience = time.Minute
)

// errNoProbe undoes the taking of a probe for which there was no row.
var errNoProbe = errors.New("nothing to probe with")

// catch is what one look at a lane brought.
type catch struct {
	calls    []Due         // claimed: to be called before the deadline
	drained  bool          // nothing else was due
	probe    bool          // the one call is a probe of an open breaker
	overdue  []Due         // to be settled
	passed   bool          // something holds the lane, which is to be looked at again
	retry    time.Duration // greater than 0: when tokens may be there again
	deadline time.Time     // when the lease of the calls ends, on this process's own monotonic clock
	rest     rest          // of a last look that found nothing
}

// idle reports whether another look would find nothing before something happens.
func (c *catch) idle() bool {
	return !c.passed && len(c.overdue) == 0 && (len(c.calls) == 0 || c.drained)
}

// look records a group of results, reads how the lane is after them, and takes what it lets go, in one transaction: at most n rows, one probe, or
// nothing. A last look, beside which no call is under way, also finds out how long the lane may be left alone. Once begun it is not given up with
// ctx: a claim whose commit was cut would leave leases that nobody holds.
func (v *visit) look(ctx context.Context, group []result, n int, last bool) (catch, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookPatience)
	defer cancel()
	rate, err := v.rate(ctx)
	if err != nil {
		return catch{}, err
	}
	if err := faultpoint.Point("out.ratelimit"); err != nil {
		return catch{}, err
	}
	granted, retry := n, time.Duration(0)
	if rate.PerSecond > 0 {
		granted, retry = v.o.cfg.Limiter.Reserve(ctx, v.account, rate, n)
	}
	var c catch
	var found recorded
	err = v.o.store.InTenant(ctx, v.tenant, func(tx Tx) (err error) {
		c = catch{deadline: time.Now().Add(v.o.lease())}
		if len(group) > 0 {
			if found, err = v.recordIn(ctx, tx, group); err != nil {
				return err
			}
		}
		if err = v.lookIn(ctx, tx, &c, len(group) > 0, n, granted, retry); err != nil || !last || !c.idle() {
			return err
		}
		return v.restIn(ctx, tx, &c)
	})
	if len(c.calls) > 0 {
		_ = faultpoint.Point("out.attempt_commit")
	}
	if errors.Is(err, errNoProbe) {
		c.probe = false
		c.rest.wait, c.rest.ok, err = v.next(ctx)
	}
	if err != nil {
		c.calls = nil
	}
	if unused := granted - len(c.calls); unused > 0 && rate.PerSecond > 0 {
		v.o.cfg.Limiter.Return(ctx, v.account, rate, unused)
	}
	if err == nil && len(group) > 0 {
		v.report(ctx, found)
	}
	return c, err
}

// lookIn claims what the lane lets go. What holds it is seen to in a transaction of its own, not in one that has recorded: a lane is locked
// before anything else.
func (v *visit) lookIn(ctx context.Context, tx Tx, c *catch, recorded bool, n, granted int, retry time.Duration) error {
	road, err := tx.Road(ctx, v.account)
	if err != nil {
		return err
	}
	v.see(road)
	shut := road.shut()
	over := shut == HoldNone && (road.Hold == HoldBreaker || road.Hold == HoldReauth)
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
	case granted > 0:
		return v.lookFree(ctx, tx, c, recorded, granted, n)
	}
	v.short = true
	c.retry = max(retry, refill(v.lane.rate))
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
func (v *visit) lookFree(ctx context.Context, tx Tx, c *catch, recorded bool, granted, n int) error {
	switch {
	case recorded:
	case v.short:
		if err := v.hold(ctx, tx, c, HoldRateLimit, tokenPatience); err != nil || len(c.overdue) > 0 {
			return err // a claim would find some of these too
		}
	case v.lane.Hold == HoldRateLimit:
		if _, err := tx.FreeLane(ctx, v.account, HoldRateLimit, tokenPatience); err != nil {
			return err
		}
	}
	err := v.claim(ctx, tx, c, granted)
	if recorded && v.lane.Hold == HoldRateLimit && len(c.calls) == 0 {
		c.passed = true // whether the lane is still held is seen to by a look of its own
	}
	c.drained = len(c.calls)+len(c.overdue) < granted
	v.short = granted < n && !c.drained
	return err
}

// restIn finds out how long the lane may be left alone, when there is nothing to do there.
func (v *visit) restIn(ctx context.Context, tx Tx, c *catch) (err error) {
	if c.retry > 0 { // neither what falls due nor what is queued meanwhile may go sooner
		c.rest = rest{wait: c.retry, ok: true, deaf: true}
		return nil
	}
	c.rest.wait, c.rest.ok, err = tx.NextDue(ctx, v.account, v.lane.Now)
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

// rate returns at what rate the lane may send, which must be known before anything is claimed: as it was found last, or read now.
func (v *visit) rate(ctx context.Context) (channel.Rate, error) {
	v.o.mu.Lock()
	rate, known := v.o.rates[v.account]
	v.o.mu.Unlock()
	if known {
		return rate, nil
	}
	err := v.o.store.ReadTenant(ctx, v.tenant, func(tx Tx) error {
		road, err := tx.Road(ctx, v.account)
		if err == nil {
			v.see(road)
		}
		return err
	})
	return v.lane.rate, err
}

// see takes over what the lane is like now. Credentials are opened afresh when they or the account have changed.
func (v *visit) see(road Road) {
	if v.lane.provider == nil || string(v.lane.Sealed) != string(road.Sealed) || string(v.lane.Settings) != string(road.Settings) {
		v.lane = v.prepare(road)
		v.o.mu.Lock()
		defer v.o.mu.Unlock()
		if v.lane.broken != nil { // its rate could not be read
			delete(v.o.rates, v.account)
			return
		}
		v.o.rates[v.account] = v.lane.rate
		return
	}
	v.lane.Road = road
}

// hold makes visible why rows wait, and finds those that cannot wait longer.
func (v *visit) hold(ctx context.Context, tx Tx, c *catch, hold Hold, patience time.Duration) error {
	if v.lane.Hold != hold {
		held, err := tx.HoldLane(ctx, v.account, hold, patience)
		if err != nil {
			return err
		}
		if held {
			v.o.cfg.Metrics.Held(string(hold))
		}
	}
	var err error
	c.overdue, err = tx.Overdue(ctx, v.account, mostOverdue)
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

// claim takes up to n due rows, with their attempts.
func (v *visit) claim(ctx context.Context, tx Tx, c *catch, n int) error {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		ids[i] = id
	}
	if err := faultpoint.Point("out.claim"); err != nil {
		return err
	}
	limits := ClaimLimits{Windowed: hasWindow(v.lane.Channel), Lease: v.o.lease(), Call: v.o.cfg.CallTimeout}
	due, err := tx.Claim(ctx, v.account, ids, limits)
	for _, d := range due {
		if d.AttemptID != uuid.Nil {
			c.calls = append(c.calls, d)
		} else {
			c.overdue = append(c.overdue, d)
		}
	}
	return err
}
