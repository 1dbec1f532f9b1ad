package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// InsertAlerts implements outbound.AlertRows.
func (tx *Tx) InsertAlerts(ctx context.Context, now time.Time, alerts []outbound.Alert) ([]outbound.Alert, error) {
	ids, err := tx.q.OpenAlerts(ctx, gen.OpenAlertsParams{
		TenantID: tx.tenant, Now: now,
		Ids:               column(alerts, func(a outbound.Alert) uuid.UUID { return a.ID }),
		Kinds:             column(alerts, func(a outbound.Alert) string { return string(a.Kind) }),
		SubjectIds:        column(alerts, func(a outbound.Alert) uuid.UUID { return a.SubjectID }),
		ConversationIds:   column(alerts, func(a outbound.Alert) uuid.UUID { return value(a.ConversationID) }),
		ChannelAccountIds: column(alerts, func(a outbound.Alert) uuid.UUID { return value(a.ChannelAccountID) }),
		Messages:          column(alerts, func(a outbound.Alert) string { return a.Message }),
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(alerts), func(a outbound.Alert) bool { return !slices.Contains(ids, a.ID) }), nil
}

// Alerts implements outbound.AlertRows.
func (tx *Tx) Alerts(ctx context.Context, includeClosed bool, most int) ([]outbound.Alert, error) {
	rows, err := tx.q.Alerts(ctx, tx.tenant, includeClosed, int32(most))
	return column(rows, alert), err
}

// AlertsByIDs implements outbound.AlertRows.
func (tx *Tx) AlertsByIDs(ctx context.Context, ids []uuid.UUID) ([]outbound.Alert, error) {
	rows, err := tx.q.AlertsByIDs(ctx, tx.tenant, ids)
	return column(rows, alert), err
}

func alert(r gen.Alert) outbound.Alert {
	return outbound.Alert{
		ID: r.ID, Kind: outbound.AlertKind(r.Kind), SubjectID: r.SubjectID, ConversationID: r.ConversationID,
		ChannelAccountID: r.ChannelAccountID, Message: r.Message, OpenedAt: r.OpenedAt.UTC(), ClosedAt: utc(r.ClosedAt),
	}
}

const closeEndedAlerts = `
UPDATE alerts a SET closed_at = $2
WHERE a.tenant_id = $1 AND a.closed_at IS NULL AND CASE a.kind
  WHEN 'STUCK' THEN NOT EXISTS (SELECT FROM dispatches d WHERE d.tenant_id = $1 AND d.message_id = a.subject_id)
  WHEN 'FOLLOW_UP' THEN EXISTS (SELECT FROM conversations c WHERE c.tenant_id = $1 AND c.id = a.subject_id
    AND c.follow_up_at IS NULL)
  WHEN 'BREAKER_OPEN' THEN NOT EXISTS (SELECT FROM lanes l WHERE l.tenant_id = $1 AND l.channel_account_id = a.subject_id
    AND l.breaker_opened_at IS NOT NULL)
  WHEN 'RATE_LIMITED' THEN NOT EXISTS (SELECT FROM lanes l WHERE l.tenant_id = $1 AND l.channel_account_id = a.subject_id
    AND l.hold = 'RATE_LIMIT' AND EXISTS (SELECT FROM dispatches d WHERE d.tenant_id = $1 AND d.channel_account_id = a.subject_id))
  WHEN 'NEEDS_REAUTH' THEN NOT EXISTS (SELECT FROM channel_accounts c WHERE c.tenant_id = $1 AND c.id = a.subject_id
    AND c.status = 'NEEDS_REAUTH')
  WHEN 'TEMPLATE_MISSING' THEN EXISTS (SELECT FROM delivery_attempts x
    JOIN messages m ON m.tenant_id = x.tenant_id AND m.id = x.message_id
    WHERE x.tenant_id = $1 AND x.channel_account_id = a.subject_id AND x.id > a.id AND x.outcome = 'ACCEPTED'
      AND m.kind = 'TEMPLATE')
  ELSE a.opened_at <= $2::timestamptz - interval '24 hours' END
RETURNING a.id, a.kind, a.subject_id, a.conversation_id, a.channel_account_id, a.message, a.opened_at, a.closed_at`

// CloseEndedAlerts implements outbound.AlertRows.
func (tx *Tx) CloseEndedAlerts(ctx context.Context, now time.Time) ([]outbound.Alert, error) {
	rows, err := tx.conn.Query(ctx, closeEndedAlerts, tx.tenant, now)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a outbound.Alert, err error) {
		err = row.Scan(&a.ID, &a.Kind, &a.SubjectID, &a.ConversationID, &a.ChannelAccountID, &a.Message, &a.OpenedAt, &a.ClosedAt)
		return a, err
	})
}

// ClaimCallback implements outbound.AlertRows.
func (tx *Tx) ClaimCallback(ctx context.Context, id uuid.UUID, lease time.Duration) (*outbound.Callback, error) {
	r, err := tx.q.ClaimCallback(ctx, lease, tx.tenant, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &outbound.Callback{
		Alert: outbound.Alert{
			ID: r.ID, Kind: outbound.AlertKind(r.Kind), SubjectID: r.SubjectID, ConversationID: r.ConversationID,
			ChannelAccountID: r.ChannelAccountID, Message: r.Message, OpenedAt: r.OpenedAt.UTC(), ClosedAt: utc(r.ClosedAt),
		},
		Tries: int(r.CallbackTries), URL: value(r.AlertUrl), Sealed: r.AlertSecretSealed,
	}, nil
}

// FinishCallback implements outbound.AlertRows.
func (tx *Tx) FinishCallback(ctx context.Context, id uuid.UUID, tries int, done bool, wait time.Duration) error {
	return tx.q.FinishCallback(ctx, gen.FinishCallbackParams{
		TenantID: tx.tenant, ID: id, Tries: int32(tries), Done: done, Wait: wait,
	})
}
