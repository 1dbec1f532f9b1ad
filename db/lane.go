package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Road implements outbound.LaneRows.
func (tx *Tx) Road(ctx context.Context, account uuid.UUID) (outbound.Road, error) {
	r, err := tx.q.LaneByAccount(ctx, tx.tenant, account)
	return outbound.Road{
		Channel: inbox.Channel(r.Channel), Provider: r.Provider, ExternalRef: r.ExternalRef, Settings: r.Settings,
		Sealed: r.CredentialsSealed, Status: inbox.AccountStatus(r.Status), Failures: int(r.Failures), Open: r.Open, Limited: r.Limited,
		Hold: outbound.Hold(r.Hold), Now: r.Now,
	}, err
}

// HoldLane implements outbound.LaneRows.
func (tx *Tx) HoldLane(ctx context.Context, account uuid.UUID, hold outbound.Hold, patience time.Duration) (bool, error) {
	n, err := tx.q.HoldLane(ctx, tx.tenant, account, string(hold), patience)
	return n == 1, err
}

// FreeLane implements outbound.LaneRows.
func (tx *Tx) FreeLane(ctx context.Context, account uuid.UUID, hold outbound.Hold, patience time.Duration) (bool, error) {
	n, err := tx.q.FreeLane(ctx, tx.tenant, account, string(hold), patience)
	return n == 1, err
}

// TakeProbe implements outbound.LaneRows.
func (tx *Tx) TakeProbe(ctx context.Context, account uuid.UUID, pause time.Duration) (bool, error) {
	n, err := tx.q.TakeProbe(ctx, pause, tx.tenant, account)
	return n == 1, err
}

// LockBreaker implements outbound.LaneRows.
func (tx *Tx) LockBreaker(ctx context.Context, account uuid.UUID) (outbound.Breaker, error) {
	if err := tx.q.AddLane(ctx, tx.tenant, account); err != nil {
		return outbound.Breaker{}, err
	}
	r, err := tx.q.LockLane(ctx, tx.tenant, account)
	return outbound.Breaker{Failures: int(r.Failures), OpenedAt: utc(r.BreakerOpenedAt)}, err
}

// ChangeLane implements outbound.LaneRows.
func (tx *Tx) ChangeLane(ctx context.Context, account uuid.UUID, c outbound.LaneChange) error {
	return tx.q.UpdateLane(ctx, gen.UpdateLaneParams{
		TenantID: tx.tenant, ChannelAccountID: account, Failures: int32(c.Failures), Open: c.Open, Pause: c.Pause, LimitFor: c.LimitFor,
	})
}

// SetAccountStatus implements outbound.LaneRows.
func (tx *Tx) SetAccountStatus(ctx context.Context, account uuid.UUID, was, is inbox.AccountStatus) (bool, error) {
	n, err := tx.q.SetAccountStatus(ctx, string(is), tx.tenant, account, string(was))
	return n == 1, err
}

// FinishAttempts implements outbound.AttemptRows.
func (tx *Tx) FinishAttempts(ctx context.Context, endings []outbound.Ending) error {
	if len(endings) == 0 {
		return nil
	}
	return tx.late.FinishAttempts(ctx, gen.FinishAttemptsParams{
		TenantID:    tx.tenant,
		Ids:         column(endings, func(e outbound.Ending) uuid.UUID { return e.AttemptID }),
		Outcomes:    column(endings, func(e outbound.Ending) string { return string(e.Outcome) }),
		Classes:     column(endings, func(e outbound.Ending) string { return string(e.Class) }),
		Codes:       column(endings, func(e outbound.Ending) string { return e.Code }),
		Reasons:     column(endings, func(e outbound.Ending) string { return e.Reason }),
		ExternalIds: column(endings, func(e outbound.Ending) string { return e.ExternalID }),
	})
}

// LapseAttempts implements outbound.AttemptRows.
func (tx *Tx) LapseAttempts(ctx context.Context, rows []outbound.Due) (map[uuid.UUID]time.Duration, error) {
	found, err := tx.q.LapseAttempts(ctx, tx.tenant, column(rows, func(d outbound.Due) uuid.UUID { return d.MessageID }),
		column(rows, func(d outbound.Due) int32 { return int32(d.Attempt) }))
	ages := make(map[uuid.UUID]time.Duration, len(found))
	for _, r := range found {
		ages[r.MessageID] = time.Duration(r.Seconds * float64(time.Second))
	}
	return ages, err
}
