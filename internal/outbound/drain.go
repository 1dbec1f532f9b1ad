package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	drainBudget = 4 * time.Second // then other lanes have their turn: a message of another tenant goes within 5 s
	lingerTime  = 2 * time.Second // a drain stays for rows that are due so soon
)

// visit is one process's work on one lane. There is one at a time: a second Drain asks the first to look again.
type visit struct {
	o       *Outbound
	tenant  inbox.TenantID
	account uuid.UUID
	again   chan struct{} // holds one ring that came meanwhile
	lane    lane
	short   bool // more was due than there were tokens for
}

// lane is a road with what it takes to send on it.
type lane struct {
	Road
	provider channel.Provider
	account  channel.Account
	rate     channel.Rate
	broken   *channel.SendError // why nothing can be sent; nil: it can
}

// Drain works the lane of a channel account until nothing is due there: it settles what ran out of time, claims what is due, calls the
// provider and records the results. When the lane's turn is over it returns in any case, so that other lanes have theirs. It returns after what time
// it wants to be called again; ok is false when nothing waits. Once ctx ends no call is begun; those under way end and are recorded. Any number of
// Drains, in any number of processes, are harmless.
func (o *Outbound) Drain(ctx context.Context, tenant inbox.TenantID, account uuid.UUID) (next time.Duration, ok bool, err error) {
	v, mine := o.enter(tenant, account)
	if !mine {
		return 0, false, nil
	}
	defer o.abandon(v) // whatever happens: a lane that nobody has left is closed to everybody in this process
	for end := time.Now().Add(drainBudget); ; {
		next, ok, err = v.work(ctx, end)
		switch {
		case err != nil || ctx.Err() != nil || o.leave(v):
			return next, ok, err
		case time.Now().After(end):
			return 0, true, nil // whoever has rung is answered in the next turn
		}
	}
}

func (o *Outbound) enter(tenant inbox.TenantID, account uuid.UUID) (*visit, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v, busy := o.active[account]; busy {
		select {
		case v.again <- struct{}{}:
		default:
		}
		return nil, false
	}
	v := &visit{o: o, tenant: tenant, account: account, again: make(chan struct{}, 1)}
	o.active[account] = v
	return v, true
}

// leave ends the visit, unless somebody has rung since its last look.
func (o *Outbound) leave(v *visit) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-v.again:
		return false
	default:
		delete(o.active, v.account)
		return true
	}
}

// abandon ends the visit, unless it has ended and another one may have begun.
func (o *Outbound) abandon(v *visit) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active[v.account] == v {
		delete(o.active, v.account)
	}
}

// work pumps until nothing is due soon, or the lane's turn ends.
func (v *visit) work(ctx context.Context, end time.Time) (time.Duration, bool, error) {
	for {
		r, err := v.pump(ctx, end)
		if err != nil || ctx.Err() != nil {
			return 0, true, err
		}
		if !r.ok || r.wait > lingerTime || time.Now().Add(r.wait).After(end) {
			return r.wait, r.ok, nil
		}
		rings := v.again
		if r.deaf {
			rings = nil
		}
		sleep(ctx, r.wait, rings)
	}
}

// sleep waits until the time has passed, somebody rings, or ctx ends.
func sleep(ctx context.Context, wait time.Duration, rings <-chan struct{}) {
	timer := time.NewTimer(max(wait, time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-rings:
	case <-ctx.Done():
	}
}

// rest is how long a lane may be left alone.
type rest struct {
	wait time.Duration
	ok   bool // something waits there
	deaf bool // nothing can be done sooner, whoever rings
}

// next finds out how long the lane, as it was last seen, may be left alone.
func (v *visit) next(ctx context.Context) (r *rest, err error) {
	err = v.o.store.ReadTenant(ctx, v.tenant, func(tx Tx) error {
		r, err = v.restIn(ctx, tx, v.lane.Now)
		return err
	})
	return r, err
}

// restIn finds out how long a lane may be left alone that had nothing more to claim at the given time.
func (v *visit) restIn(ctx context.Context, tx Tx, looked time.Time) (*rest, error) {
	wait, ok, err := tx.NextDue(ctx, v.account, looked)
	return &rest{wait: wait, ok: ok}, err
}

// prepare turns a road into a lane: it finds the provider and opens the credentials.
func (v *visit) prepare(road Road) lane {
	l := lane{Road: road}
	provider, err := v.o.cfg.Providers.Provider(road.Provider)
	if err != nil {
		l.broken = &channel.SendError{Class: channel.Transient, Code: "no_provider", Reason: "This process does not know the provider.", Err: err}
		return l
	}
	l.provider = provider
	_ = faultpoint.Point("out.decrypt")
	opened, err := v.o.cfg.Secrets.Open(road.Sealed, inbox.CredentialsPlace(v.tenant, v.account))
	if err != nil {
		l.broken = &channel.SendError{Class: channel.Auth, Code: "credentials", Reason: "The account's credentials cannot be opened.", Err: err}
		return l
	}
	l.account = channel.NewAccount(v.account.String(), road.ExternalRef, road.Settings, opened)
	if limiter, ok := provider.(channel.Limiter); ok {
		l.rate = limiter.Rate(l.account)
	}
	return l
}
