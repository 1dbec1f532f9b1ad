package db

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// CallsByIDs implements outbound.AttemptRows.
func (tx *Tx) CallsByIDs(ctx context.Context, ids []uuid.UUID) ([]outbound.Called, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := tx.q.AttemptsByIDs(ctx, tx.tenant, ids)
	return column(rows, called), err
}

// CallsByExternalIDs implements outbound.AttemptRows.
func (tx *Tx) CallsByExternalIDs(ctx context.Context, refs []outbound.Ref) ([]outbound.Called, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	rows, err := tx.q.AttemptsByExternalIDs(ctx, accounts(refs), externals(refs), tx.tenant)
	return column(rows, func(r gen.AttemptsByExternalIDsRow) outbound.Called { return called(gen.AttemptsByIDsRow(r)) }), err
}

func called(r gen.AttemptsByIDsRow) outbound.Called {
	return outbound.Called{
		AttemptID: r.ID, MessageID: r.MessageID, ConversationID: r.ConversationID, ChannelAccountID: r.ChannelAccountID,
		Recipient: r.Recipient, ExternalID: value(r.ExternalID),
	}
}

// AttemptsByMessageIDs implements outbound.AttemptRows.
func (tx *Tx) AttemptsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]outbound.Attempt, error) {
	rows, err := tx.q.AttemptsByMessageIDs(ctx, tx.tenant, messages)
	return column(rows, func(r gen.DeliveryAttempt) outbound.Attempt {
		return outbound.Attempt{
			ID: r.ID, MessageID: r.MessageID, Number: int(r.Attempt), StartedAt: r.StartedAt.UTC(), FinishedAt: utc(r.FinishedAt),
			Outcome: outbound.AttemptOutcome(r.Outcome), Class: channel.Class(value(r.Class)), Code: value(r.Code),
			Reason: value(r.Reason), ExternalID: value(r.ExternalID),
		}
	}), err
}

// UncertainMessages implements outbound.AttemptRows.
func (tx *Tx) UncertainMessages(ctx context.Context, messages []uuid.UUID) ([]uuid.UUID, error) {
	return tx.q.UnknownAttempts(ctx, tx.tenant, messages)
}

// LastRecipient implements outbound.AttemptRows.
func (tx *Tx) LastRecipient(ctx context.Context, message uuid.UUID) (string, error) {
	recipient, err := tx.q.LastRecipient(ctx, tx.tenant, message)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return recipient, err
}

func accounts(refs []outbound.Ref) []uuid.UUID {
	return column(refs, func(r outbound.Ref) uuid.UUID { return r.ChannelAccountID })
}

func externals(refs []outbound.Ref) []string {
	return column(refs, func(r outbound.Ref) string { return r.ExternalID })
}
