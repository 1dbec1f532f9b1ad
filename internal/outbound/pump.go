package outbound

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const (
	mostTogether = 256              // results of one transaction
	recordPause  = 20 * time.Second // how long writing a result is tried; after that its lease runs out and it is reconciled
	// quickCall is how long most calls take at most. Only behind slower ones is the database asked what falls due meanwhile.
	quickCall = 200 * time.Millisecond
)

// result is what came of one claimed row.
type result struct {
	due     Due
	receipt channel.Receipt
	err     *channel.SendError // nil: accepted
	crashed bool               // the call took its goroutine with it
	skipped bool               // no call was made
	probe   bool               // of an open breaker
	shaky   bool               // the lane had failures when the row was claimed
	took    time.Duration
}

// pump is one stretch of continuous sending: one goroutine claims, up to InFlight call, one records.
type pump struct {
	v        *visit
	slots    chan struct{}
	results  chan result
	recorded chan struct{} // holds one sign that something was recorded
	end      time.Time     // of the lane's turn
	open     atomic.Int64  // claimed and not recorded
	early    atomic.Int64  // calls under way that began before the end
	failures atomic.Int64  // transient failures in a row, as they come
	halted   atomic.Bool   // results have come that may close the lane: look again before the next call
	calls    sync.WaitGroup
}

// pump claims, sends and records until nothing can be claimed. It returns when tokens may be there again, if that is what is missing.
// It goes on claiming until the calls that began before the end are over: they are waited for in any case, and one that hangs must
// not hold up the others.
func (v *visit) pump(ctx context.Context, end time.Time) (time.Duration, error) {
	p := &pump{
		v: v, slots: make(chan struct{}, v.o.cfg.InFlight), results: make(chan result, mostTogether), recorded: make(chan struct{}, 1),
		end: end,
	}
	recorder := make(chan struct{})
	go func() {
		defer close(recorder)
		p.record(context.WithoutCancel(ctx))
	}()
	hint, err := p.feed(ctx)
	p.calls.Wait()
	close(p.results)
	<-recorder
	return hint, err
}

func (p *pump) feed(ctx context.Context) (time.Duration, error) {
	for first := true; ctx.Err() == nil && !p.halted.Load() && p.hasTurn(); first = false {
		busy := p.open.Load() > 0 // before the look: what is recorded after it may let more go
		c, err := p.v.look(ctx, p.v.o.cfg.InFlight)
		if err != nil {
			return 0, err
		}
		if first {
			p.failures.Store(int64(p.v.lane.Failures))
		}
		if err := p.v.settle(ctx, c.overdue); err != nil {
			p.skip(c.calls)
			return 0, err
		}
		for _, d := range c.calls {
			p.start(ctx, d, c)
		}
		if len(c.calls) > 0 || len(c.overdue) > 0 {
			continue
		}
		if !busy {
			return c.retry, nil
		}
		if err := p.await(ctx, c.retry); err != nil {
			return 0, err
		}
	}
	return time.Millisecond, nil // whatever is left is looked at at once
}

func (p *pump) hasTurn() bool { return time.Now().Before(p.end) || p.early.Load() > 0 }

// await returns when there may be something to claim beside the calls under way: one was recorded, so that a later message of its
// conversation may go; somebody rang; a row fell due; or tokens may be there again.
func (p *pump) await(ctx context.Context, tokens time.Duration) error {
	if p.stirs(ctx, quickCall) {
		return nil
	}
	wait, ok, err := p.v.next(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if tokens > 0 && (!ok || tokens < wait) {
		wait, ok = tokens, true
	}
	if !ok {
		wait = p.v.o.cfg.CallTimeout // by then a call has ended
	}
	p.stirs(ctx, wait)
	return nil
}

// stirs reports whether something was recorded, somebody rang or ctx ended before the time had passed.
func (p *pump) stirs(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.recorded:
	case <-p.v.again:
	case <-ctx.Done():
	case <-timer.C:
		return false
	}
	return true
}

// start waits for a free slot and makes the call beside.
func (p *pump) start(ctx context.Context, d Due, c catch) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		p.skip([]Due{d})
		return
	}
	if ctx.Err() != nil || p.halted.Load() || time.Until(c.deadline) < 2*p.v.o.cfg.CallTimeout {
		<-p.slots
		p.skip([]Due{d})
		return
	}
	p.open.Add(1)
	lane, early := p.v.lane, int64(0)
	if time.Now().Before(p.end) {
		early = 1
	}
	p.early.Add(early)
	p.calls.Go(func() {
		r := p.v.call(context.WithoutCancel(ctx), lane, d, c.deadline)
		r.probe, r.shaky = c.probe, lane.Open || lane.Failures > 0
		p.heed(r)
		<-p.slots
		p.early.Add(-early)
		p.results <- r
	})
}

// skip gives claimed rows back without a call.
func (p *pump) skip(rows []Due) {
	for _, d := range rows {
		p.open.Add(1)
		p.results <- result{due: d, skipped: true}
	}
}

// heed stops new calls as soon as results come that may close the lane; the recorder then decides.
func (p *pump) heed(r result) {
	switch {
	case r.skipped || r.crashed:
	case r.err == nil:
		p.failures.Store(0)
	case r.err.Class == channel.Transient:
		if p.failures.Add(1) >= breakerThreshold {
			p.halted.Store(true)
		}
	case r.err.Class == channel.RateLimited, r.err.Class == channel.Auth:
		p.halted.Store(true)
	default:
		p.failures.Store(0)
	}
}

// call makes one provider call. It never panics; a provider that does has crashed the call.
func (v *visit) call(ctx context.Context, lane lane, d Due, deadline time.Time) (r result) {
	r.due = d
	if lane.broken != nil {
		r.err = lane.broken
		return r
	}
	if time.Until(deadline) < v.o.cfg.CallTimeout { // this process was stopped for a while: somebody else may have the row by now
		r.skipped = true
		return r
	}
	begun := time.Now()
	defer func() {
		r.took = time.Since(begun)
		if cause := recover(); cause != nil {
			r.crashed = true
			v.o.cfg.Log.ErrorContext(ctx, "a provider call panicked", "tenant", v.tenant.String(), "message", d.MessageID,
				"attempt", d.AttemptID, "kind", fmt.Sprintf("%T", cause))
		}
		v.count(lane, r)
	}()
	ctx, cancel := context.WithTimeout(ctx, v.o.cfg.CallTimeout)
	defer cancel()
	_ = faultpoint.Point("out.before_call")
	receipt, err := lane.provider.Send(ctx, lane.account, outgoing(d))
	_ = faultpoint.Point("out.after_call")
	switch {
	case err != nil:
		r.err = channel.AsSendError(err)
	case receipt.ExternalID == "":
		r.err = &channel.SendError{Class: channel.Transient, Code: "no_id", Reason: "The provider's answer names no message.", OutcomeUnknown: true}
	}
	r.receipt = receipt
	return r
}

func (v *visit) count(lane lane, r result) {
	outcome, class := r.outcome()
	v.o.cfg.Metrics.Call(lane.Provider, string(outcome), string(class), r.took)
}

func (r result) outcome() (AttemptOutcome, channel.Class) {
	switch {
	case r.crashed:
		return AttemptUnknown, ""
	case r.skipped:
		return AttemptRejected, channel.Transient
	case r.err == nil:
		return AttemptAccepted, ""
	case r.err.OutcomeUnknown:
		return AttemptUnknown, r.err.Class
	}
	return AttemptRejected, r.err.Class
}

// record writes results down until there are no more. Those that came while the last group was being written share the next transaction.
func (p *pump) record(ctx context.Context) {
	for first := range p.results {
		group := p.gather([]result{first})
		if err := p.write(ctx, group); err != nil {
			p.v.o.cfg.Log.ErrorContext(ctx, "results could not be recorded; their leases will run out", "tenant", p.v.tenant.String(),
				"account", p.v.account, "results", len(group), "error", err)
		}
		p.open.Add(int64(-len(group)))
		select {
		case p.recorded <- struct{}{}:
		default:
		}
	}
}

func (p *pump) gather(group []result) []result {
	for len(group) < mostTogether {
		select {
		case r, ok := <-p.results:
			if !ok {
				return group
			}
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// write tries until the results are written or their leases are about to end.
func (p *pump) write(ctx context.Context, group []result) error {
	ctx, cancel := context.WithTimeout(ctx, recordPause)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := p.v.record(ctx, group)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
