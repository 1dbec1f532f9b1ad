package outbound

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	mostOpen    = 512              // rows that one pump has claimed and not recorded
	mostAhead   = 256              // of them, those that wait for their call
	recordPause = 20 * time.Second // how long writing a result is tried; after that its lease runs out and it is reconciled
	// quickCall is how long most calls take at most. Only behind slower ones is the database asked what falls due meanwhile.
	quickCall = 200 * time.Millisecond
	// promptly is how soon a claimed row is to be called. What was claimed and not called when a process dies has to wait for its receipt.
	promptly = 100 * time.Millisecond
)

// pump is one stretch of continuous sending. One goroutine records what has come back and claims what goes next, both in one transaction; up to
// InFlight others call. The rows of a transaction are those that came together while the last one was written, so that they are the more, and
// the cheaper each, the more there is to do.
type pump struct {
	v        *visit
	end      time.Time // of the lane's turn
	todo     chan job  // claimed, and waiting for a caller
	results  chan result
	early    atomic.Int64 // calls under way that began before the end
	failures atomic.Int64 // transient failures in a row, as they come
	halted   atomic.Bool  // results have come that may close the lane: look again before the next call
	callers  sync.WaitGroup

	// Of the recording goroutine alone:
	group []result // come, and not recorded yet
	open  int      // claimed and not recorded
	hired int      // callers
	ahead int      // how many rows may wait for their call
	full  bool     // the last claim found as many rows as it asked for
}

// pump claims, sends and records until nothing can be claimed, and returns how long that will be so.
// It goes on claiming until the calls that began before the end are over: they are waited for in any case, and one that hangs must
// not hold up the others.
func (v *visit) pump(ctx context.Context, end time.Time) (rest, error) {
	p := &pump{v: v, end: end, todo: make(chan job, mostOpen), results: make(chan result, mostOpen), ahead: v.o.cfg.InFlight}
	dismiss := sync.OnceFunc(func() { close(p.todo) })
	defer func() {
		if p.open > 0 { // a panic: what has not been called is not, and the leases run out
			p.halted.Store(true)
		}
		dismiss()
	}()
	r, err := p.run(ctx)
	dismiss()
	for p.open > 0 { // whatever came of it is written down, also when nothing more is begun
		p.gather(true)
		p.write(ctx)
	}
	p.callers.Wait()
	return r, err
}

func (p *pump) run(ctx context.Context) (rest, error) {
	for first := true; p.mayClaim(ctx); first = false {
		p.gather(false)
		want := p.room()
		if want == 0 {
			if len(p.group) == 0 {
				p.gather(true)
			}
			p.write(ctx)
			continue
		}
		c, err := p.exchange(ctx, want)
		if err != nil {
			return rest{}, err
		}
		if first {
			p.failures.Store(int64(p.v.lane.Failures))
		}
		if err := p.take(ctx, c); err != nil {
			return rest{}, err
		}
		if !c.idle() {
			continue
		}
		if c.rest != nil {
			return *c.rest, nil
		}
		if err := p.await(ctx, c.retry); err != nil {
			return rest{}, err
		}
	}
	return rest{wait: time.Millisecond, ok: true, deaf: true}, nil // whatever is left is looked at at once
}

func (p *pump) mayClaim(ctx context.Context) bool {
	return ctx.Err() == nil && !p.halted.Load() && (time.Now().Before(p.end) || p.early.Load() > 0)
}

// room returns how many rows to claim now: nothing while half of what may wait does. Where the callers ran out of rows although there were more,
// twice as many may wait; where rows waited too long, only as many as there are callers.
func (p *pump) room() int {
	waiting := len(p.todo)
	if waiting == 0 && p.full {
		p.ahead, p.full = min(2*p.ahead, mostAhead), false
	}
	for _, r := range p.group {
		if r.waited > promptly {
			p.ahead = min(p.ahead, p.v.o.cfg.InFlight)
		}
	}
	want := min(p.ahead-waiting, mostOpen-p.open)
	if 2*want < p.ahead {
		return 0
	}
	return want
}

// gather adds the results that have come to the group. It waits for the first when it is told to.
func (p *pump) gather(wait bool) {
	if wait && len(p.group) == 0 {
		p.group = append(p.group, <-p.results)
	}
	for {
		select {
		case r := <-p.results:
			p.group = append(p.group, r)
		default:
			return
		}
	}
}

// exchange records the group and claims rows, in one transaction. When that fails, the group is recorded alone, and what is wrong with claiming
// shows when there is nothing to record.
func (p *pump) exchange(ctx context.Context, want int) (catch, error) {
	c, err := p.v.look(ctx, glance{group: p.group, most: want, last: p.open == len(p.group)})
	switch {
	case err == nil:
		p.recorded()
	case len(p.group) > 0:
		p.write(ctx)
		return catch{passed: true}, nil
	}
	p.full = err == nil && len(c.calls) == want
	return c, err
}

func (p *pump) recorded() {
	p.open -= len(p.group)
	p.group = p.group[:0]
}

// take gives claimed rows to the callers and settles what a claim found overdue.
func (p *pump) take(ctx context.Context, c catch) error {
	lane, now := p.v.lane, time.Now()
	err := p.v.settle(ctx, c.overdue)
	for _, d := range c.calls {
		p.open++
		if err != nil {
			p.group = append(p.group, result{due: d, skipped: true})
			continue
		}
		p.todo <- job{due: d, lane: &lane, probe: c.probe, taken: now, deadline: c.deadline}
	}
	for ; p.hired < min(p.open, p.v.o.cfg.InFlight); p.hired++ {
		p.callers.Go(func() {
			for j := range p.todo {
				p.results <- p.perform(ctx, j)
			}
		})
	}
	return err
}

// await returns when there may be something to claim beside the calls under way: a result came, so that a later message of its
// conversation may go; somebody rang; a row fell due; or tokens may be there again.
func (p *pump) await(ctx context.Context, tokens time.Duration) error {
	if tokens > 0 {
		p.stirs(ctx, tokens, nil) // what is queued meanwhile waits for them too
		return nil
	}
	if p.stirs(ctx, quickCall, p.v.again) {
		return nil
	}
	r, err := p.v.next(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case err != nil || !r.ok:
		r = &rest{wait: p.v.o.cfg.CallTimeout} // by then a call has ended
	}
	p.stirs(ctx, r.wait, p.v.again)
	return nil
}

// stirs reports whether a result came, somebody rang or ctx ended before the time had passed.
func (p *pump) stirs(ctx context.Context, wait time.Duration, rings <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case r := <-p.results:
		p.group = append(p.group, r)
	case <-rings:
	case <-ctx.Done():
	case <-timer.C:
		return false
	}
	return true
}

// write records the group. It tries until that is done or the leases are about to end.
func (p *pump) write(ctx context.Context) {
	defer p.recorded()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPause)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := p.v.record(ctx, p.group)
		if err == nil {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			p.v.o.cfg.Log.ErrorContext(ctx, "results could not be recorded; their leases will run out", "tenant", p.v.tenant.String(),
				"account", p.v.account, "results", len(p.group), "error", err)
			return
		}
	}
}
