package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const (
	mostOverdue = 200
	mostOrdered = 1000
	// tokenPatience is how long a row may wait for a token of its account's rate before that is shown as a hold of the lane.
	tokenPatience = time.Minute
)

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
