package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// InsertMarks implements inbox.MarkRows.
func (tx *Tx) InsertMarks(ctx context.Context, marks []inbox.Mark) error {
	if len(marks) == 0 {
		return nil
	}
	return tx.late.InsertMarks(ctx, gen.InsertMarksParams{
		TenantID:          tx.tenant,
		Ids:               column(marks, func(m inbox.Mark) uuid.UUID { return m.ID }),
		ChannelAccountIds: column(marks, func(m inbox.Mark) uuid.UUID { return m.ChannelAccountID }),
		ConversationIds:   column(marks, func(m inbox.Mark) uuid.UUID { return m.ConversationID }),
		TargetExternalIds: column(marks, func(m inbox.Mark) string { return m.TargetExternalID }),
		Kinds:             column(marks, func(m inbox.Mark) string { return string(m.Kind) }),
		Texts:             column(marks, func(m inbox.Mark) string { return m.Text }),
		ExternalIds:       column(marks, func(m inbox.Mark) string { return m.ExternalID }),
		Raws:              column(marks, func(m inbox.Mark) []byte { return m.Raw }),
		ProviderAts:       column(marks, func(m inbox.Mark) time.Time { return value(m.ProviderAt) }),
		CreatedAts:        column(marks, func(m inbox.Mark) time.Time { return m.CreatedAt }),
	})
}

// MarksByTargets implements inbox.MarkRows.
func (tx *Tx) MarksByTargets(ctx context.Context, targets []inbox.ExternalRef) ([]inbox.Mark, error) {
	accounts, externals := refColumns(targets)
	rows, err := tx.q.MarksByTargets(ctx, accounts, externals, tx.tenant)
	return column(rows, func(r gen.MessageMark) inbox.Mark {
		return inbox.Mark{
			ID: r.ID, ChannelAccountID: r.ChannelAccountID, ConversationID: r.ConversationID, TargetExternalID: r.TargetExternalID,
			Kind: channel.Kind(r.Kind), Text: r.Text, ExternalID: r.ExternalID, Raw: r.Raw, ProviderAt: utc(r.ProviderAt),
			CreatedAt: r.CreatedAt.UTC(),
		}
	}), err
}

func refColumns(refs []inbox.ExternalRef) (accounts []uuid.UUID, externals []string) {
	return column(refs, func(r inbox.ExternalRef) uuid.UUID { return r.ChannelAccountID }),
		column(refs, func(r inbox.ExternalRef) string { return r.ExternalID })
}
