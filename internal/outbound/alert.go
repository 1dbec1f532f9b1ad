package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// AlertKind is what an alert is about.
type AlertKind string

// The kinds of alert.
const (
	AlertStuck           AlertKind = "STUCK"
	AlertBreakerOpen     AlertKind = "BREAKER_OPEN"
	AlertRateLimited     AlertKind = "RATE_LIMITED"
	AlertNeedsReauth     AlertKind = "NEEDS_REAUTH"
	AlertTemplateMissing AlertKind = "TEMPLATE_MISSING"
	AlertFollowUp        AlertKind = "FOLLOW_UP"
	AlertTokenReuse      AlertKind = "TOKEN_REUSE"
)

// Alert is something people must know about. There is one an episode: open until its cause ends.
type Alert struct {
	ID               uuid.UUID
	Kind             AlertKind
	SubjectID        uuid.UUID // the message, channel account, conversation or agent it is about
	ConversationID   *uuid.UUID
	ChannelAccountID *uuid.UUID
	Message          string // one sentence, without contents of messages
	OpenedAt         time.Time
	ClosedAt         *time.Time
}

// Callback is one due call of a tenant's alert URL.
type Callback struct {
	Alert
	Tries  int
	URL    string
	Sealed []byte // the signing secret
}

// AlertRows are the alerts of one tenant.
type AlertRows interface {
	// InsertAlerts opens alerts, except those whose episode is open already, and returns those it opened.
	InsertAlerts(ctx context.Context, now time.Time, alerts []Alert) ([]Alert, error)
	// Alerts returns the newest alerts, open ones only unless closed ones are wanted too.
	Alerts(ctx context.Context, includeClosed bool, most int) ([]Alert, error)
	// AlertsByIDs returns alerts in no particular order; missing ones are absent.
	AlertsByIDs(ctx context.Context, ids []uuid.UUID) ([]Alert, error)
	// CloseEndedAlerts closes the alerts whose cause has ended and returns them.
	CloseEndedAlerts(ctx context.Context, now time.Time) ([]Alert, error)
	// ClaimCallback takes one due call for the lease; it returns nil when it is not due.
	ClaimCallback(ctx context.Context, alert uuid.UUID, lease time.Duration) (*Callback, error)
	// FinishCallback ends the call: done, or to be repeated after the wait; a wait of 0 gives up.
	FinishCallback(ctx context.Context, alert uuid.UUID, tries int, done bool, wait time.Duration) error
}

// openAlerts opens alerts inside a transaction and records their events. It returns what it opened, for announce.
func openAlerts(ctx context.Context, tx Tx, now time.Time, system inbox.Actor, alerts []Alert) ([]Alert, error) {
	if len(alerts) == 0 {
		return nil, nil
	}
	for i := range alerts {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		alerts[i].ID, alerts[i].OpenedAt = id, now
	}
	opened, err := tx.InsertAlerts(ctx, now, alerts)
	if err != nil {
		return nil, err
	}
	for _, a := range opened {
		tx.Record(alertEvent(inbox.EventAlertOpened, system, a, now))
	}
	return opened, nil
}

func alertEvent(kind inbox.EventKind, system inbox.Actor, a Alert, now time.Time) inbox.Event {
	return inbox.Event{
		Kind: kind, At: now, ActorKind: system.Kind(), AlertID: &a.ID, ConversationID: a.ConversationID,
		ChannelAccountID: a.ChannelAccountID,
	}
}

// announce tells the operator about alerts that a committed transaction opened.
func (o *Outbound) announce(ctx context.Context, tenant inbox.TenantID, opened []Alert) {
	for _, a := range opened {
		o.cfg.Metrics.Alert(string(a.Kind))
		o.cfg.Log.ErrorContext(ctx, "alert opened", "tenant", tenant.String(), "alert", a.ID, "kind", a.Kind, "subject", a.SubjectID,
			"message", a.Message)
	}
}

// OpenAlerts returns the tenant's newest alerts to a supervisor or admin, at most 100. It returns Forbidden to anybody else.
func (o *Outbound) OpenAlerts(ctx context.Context, actor inbox.Actor, includeClosed bool, first int) ([]Alert, error) {
	if !actor.Supervises() {
		return nil, fault.New(fault.Forbidden, "alerts are for supervisors and admins")
	}
	if first < 1 || first > 100 {
		return nil, fault.BadField("first", "ask for 1 to 100 alerts")
	}
	var alerts []Alert
	err := o.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		alerts, err = tx.Alerts(ctx, includeClosed, first)
		return err
	})
	return alerts, err
}
