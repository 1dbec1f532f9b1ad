package outbound

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	sweepPatience   = time.Minute
	stuckPatience   = 5 * time.Minute
	limitedPatience = 5 * time.Minute
	parkedLife      = 7 * 24 * time.Hour
	mostSwept       = 10_000
	mostTenants     = 1_000
)

// Ringer is what the sweep rings besides lanes: the snoozes, files and alert calls whose time has come. jobs implements it.
type Ringer interface {
	// RingWake asks for Wake of a conversation's snooze.
	RingWake(tenant inbox.TenantID, conversation uuid.UUID, gen int64)
	// RingFetch asks for FetchMedia of an attachment.
	RingFetch(tenant inbox.TenantID, attachment uuid.UUID)
	// RingCallback asks for CallBack of an alert.
	RingCallback(tenant inbox.TenantID, alert uuid.UUID)
}

// Sweep does once what must happen whatever became of the rings: it rings what is due, alerts about what is stuck, applies parked
// receipts, seals the audit log, closes alerts, and forgets old keys, events and journals. Each step runs in one process at a time and on its own; the
// error joins those of the steps that failed.
func (o *Outbound) Sweep(ctx context.Context, ringer Ringer) error {
	var failed []error
	for _, step := range o.sweeps(ringer) {
		if ctx.Err() != nil {
			break
		}
		failed = append(failed, o.sweep(ctx, step))
	}
	return errors.Join(failed...)
}

// sweep does one step, which is given up when it panics or the database does not answer: the others must have their turn.
func (o *Outbound) sweep(ctx context.Context, step sweep) error {
	ctx, cancel := context.WithTimeout(ctx, sweepPatience)
	defer cancel()
	begun := time.Now()
	ran, err := o.store.Alone(ctx, step.name, func(ctx context.Context) error {
		err := caught(func() error { return step.run(ctx) })
		for _, p := range panicsIn(err) { // here, since the store returns errors in its own words
			about := append([]any{"sweep", step.name}, p.about...)
			o.cfg.Log.ErrorContext(ctx, "a part of a sweep panicked", append(about, p.Attributes()...)...)
		}
		return err
	})
	if ran || err != nil {
		o.cfg.Metrics.Swept(step.name, time.Since(begun), err != nil)
	}
	return err
}

type sweep struct {
	name string
	run  func(context.Context) error
}

func (o *Outbound) sweeps(ringer Ringer) []sweep {
	return []sweep{
		{"uncalled", o.sweepUncalled}, // before the lanes, which ring for what it lets go
		{"lanes", func(ctx context.Context) error {
			return visitPlaces(ctx, o.store.DueLanes, func(p Place) { o.cfg.Bells.Ring(ctx, p.Tenant, p.ID) })
		}},
		{"snoozes", func(ctx context.Context) error {
			return visitPlaces(ctx, o.store.DueSnoozes, func(p Place) { ringer.RingWake(p.Tenant, p.ID, p.Gen) })
		}},
		{"attachments", func(ctx context.Context) error {
			return visitPlaces(ctx, o.store.DueAttachments, func(p Place) { ringer.RingFetch(p.Tenant, p.ID) })
		}},
		{"stuck", o.sweepStuck},
		{"limited", o.sweepLimited},
		{"alerts", o.sweepAlerts},
		{"callbacks", func(ctx context.Context) error {
			return visitPlaces(ctx, o.store.DueCallbacks, func(p Place) { ringer.RingCallback(p.Tenant, p.ID) })
		}},
		{"parked", o.sweepParked},
		{"audit", o.sweepAudit},
		{"keys", o.sweepKeys},
		{"volumes", o.sweepVolumes},
	}
}

func visitPlaces(ctx context.Context, list func(context.Context, int) ([]Place, error), visit func(Place)) error {
	if err := faultpoint.Point("sweep.select"); err != nil {
		return err
	}
	places, err := list(ctx, mostSwept)
	for _, p := range places {
		_ = faultpoint.Point("sweep.enqueue")
		visit(p)
	}
	return err
}

// eachTenant runs fn for every tenant, also after it has failed or panicked for one of them.
func eachTenant(ctx context.Context, tenants []inbox.TenantID, fn func(inbox.TenantID) error) error {
	var failed []error
	for _, t := range tenants {
		if ctx.Err() != nil {
			break
		}
		failed = append(failed, caught(func() error { return fn(t) }, "tenant", t.String()))
	}
	return errors.Join(failed...)
}

// round runs fn for every tenant that list tells of, page by page, also after it has failed for one. When its time is over before it is through, the
// next round of this process goes on behind the tenant that it was at: those at the end must have their turn too.
func (o *Outbound) round(ctx context.Context, sweep string, list func(context.Context, inbox.TenantID, int) ([]inbox.TenantID, error),
	fn func(inbox.TenantID) error) error {
	at := o.resumes(sweep)
	var failed []error
	for ctx.Err() == nil {
		page, err := list(ctx, at, mostTenants)
		if err != nil {
			failed = append(failed, err)
			break
		}
		if len(page) == 0 {
			at = inbox.TenantID{}
			break
		}
		failed = append(failed, eachTenant(ctx, page, func(t inbox.TenantID) error { at = t; return fn(t) }))
	}
	o.leaves(sweep, at)
	return errors.Join(failed...)
}

// resumes returns the tenant behind which the round of a sweep begins.
func (o *Outbound) resumes(sweep string) inbox.TenantID {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rounds[sweep]
}

func (o *Outbound) leaves(sweep string, at inbox.TenantID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rounds[sweep] = at
}

// sweepStuck alerts about messages that wait although nothing visible holds them, once an episode.
func (o *Outbound) sweepStuck(ctx context.Context) error {
	places, err := o.store.StuckMessages(ctx, stuckPatience, mostTenants)
	if err != nil {
		return err
	}
	return eachTenant(ctx, tenantsOf(places), func(tenant inbox.TenantID) error {
		ids := idsOf(places, tenant)
		return o.alert(ctx, tenant, func(tx Tx) ([]Alert, error) {
			rows, err := tx.DispatchesByIDs(ctx, ids)
			alerts := make([]Alert, len(rows))
			for i, d := range rows {
				alerts[i] = Alert{
					Kind: AlertStuck, SubjectID: d.MessageID, ConversationID: &d.ConversationID, ChannelAccountID: &d.ChannelAccountID,
					Message: "A message has been waiting to be sent for more than 5 minutes.",
				}
			}
			return alerts, err
		})
	})
}

func (o *Outbound) sweepLimited(ctx context.Context) error {
	places, err := o.store.LimitedLanes(ctx, limitedPatience, mostTenants)
	if err != nil {
		return err
	}
	return eachTenant(ctx, tenantsOf(places), func(tenant inbox.TenantID) error {
		return o.alert(ctx, tenant, func(Tx) ([]Alert, error) {
			var alerts []Alert
			for _, account := range idsOf(places, tenant) {
				alerts = append(alerts, Alert{Kind: AlertRateLimited, SubjectID: account, ChannelAccountID: &account,
					Message: "A rate limit has been holding the messages of a channel account for more than 5 minutes."})
			}
			return alerts, nil
		})
	})
}

// alert opens alerts in a transaction of its own and tells the operator.
func (o *Outbound) alert(ctx context.Context, tenant inbox.TenantID, list func(Tx) ([]Alert, error)) error {
	var opened []Alert
	err := o.store.InTenant(ctx, tenant, func(tx Tx) error {
		alerts, err := list(tx)
		if err != nil {
			return err
		}
		opened, err = openAlerts(ctx, tx, o.now(), inbox.SystemActor(tenant), alerts)
		return err
	})
	if err == nil {
		o.announce(ctx, tenant, opened)
	}
	return err
}

// sweepAlerts closes alerts whose cause has ended.
func (o *Outbound) sweepAlerts(ctx context.Context) error {
	return o.round(ctx, "alerts", o.store.AlertTenants, func(tenant inbox.TenantID) error {
		return o.store.InTenant(ctx, tenant, func(tx Tx) error { return o.closeEnded(ctx, tx, o.now()) })
	})
}

func (o *Outbound) closeEnded(ctx context.Context, tx Tx, now time.Time) error {
	closed, err := tx.CloseEndedAlerts(ctx, now)
	for _, a := range closed {
		tx.Record(alertEvent(inbox.EventAlertClosed, inbox.SystemActor(tx.Tenant()), a, now))
	}
	return err
}

// sweepParked applies parked receipts whose message is known, and gives up those that nobody has asked for in a week.
func (o *Outbound) sweepParked(ctx context.Context) error {
	return o.round(ctx, "parked", o.store.ParkedTenants, func(tenant inbox.TenantID) error {
		var told learned
		var dropped int64
		err := o.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
			if told, err = o.applyParked(ctx, tx); err != nil {
				return err
			}
			dropped, err = tx.DropParked(ctx, parkedLife)
			return err
		})
		if err != nil {
			return err
		}
		o.tell(ctx, tenant, told)
		if dropped > 0 {
			o.cfg.Metrics.ParkedDropped(dropped)
			o.cfg.Log.WarnContext(ctx, "receipts of unknown messages were given up", "tenant", tenant.String(), "receipts", dropped)
		}
		return nil
	})
}

func (o *Outbound) applyParked(ctx context.Context, tx Tx) (learned, error) {
	known, err := tx.KnownParked(ctx, mostTenants)
	if err != nil || len(known) == 0 {
		return learned{}, err
	}
	refs := make([]Ref, len(known))
	for i, p := range known {
		refs[i] = p.Ref
	}
	if err := tx.LockReceipts(ctx, refs); err != nil {
		return learned{}, err
	}
	calls, err := tx.CallsByExternalIDs(ctx, refs)
	if err != nil {
		return learned{}, err
	}
	n := &news{}
	for _, call := range calls {
		n.accepted = append(n.accepted, acceptance{call: call, externalID: call.ExternalID})
	}
	return o.learn(ctx, tx, o.now(), n)
}

func (o *Outbound) sweepAudit(ctx context.Context) error {
	return o.round(ctx, "audit", o.store.UnsealedTenants, func(tenant inbox.TenantID) error {
		_, err := o.SealAudit(ctx, tenant)
		return err
	})
}

func (o *Outbound) sweepKeys(ctx context.Context) error {
	tenants, err := o.store.StaleKeyTenants(ctx, mostTenants)
	if err != nil {
		return err
	}
	return eachTenant(ctx, tenants, func(tenant inbox.TenantID) error {
		return o.store.InTenant(ctx, tenant, func(tx Tx) error {
			_, err := tx.PurgeKeys(ctx, mostSwept)
			return err
		})
	})
}

func tenantsOf(places []Place) []inbox.TenantID {
	seen := map[inbox.TenantID]bool{}
	var tenants []inbox.TenantID
	for _, p := range places {
		if !seen[p.Tenant] {
			seen[p.Tenant] = true
			tenants = append(tenants, p.Tenant)
		}
	}
	return tenants
}

func idsOf(places []Place, tenant inbox.TenantID) []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range places {
		if p.Tenant == tenant {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
