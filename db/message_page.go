package db

import (
	"context"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// MessagePages implements inbox.MessageRows.
func (tx *Tx) MessagePages(ctx context.Context, q inbox.MessageQuery) ([]inbox.Message, error) {
	if q.Backwards {
		rows, err := tx.q.MessagesBackwards(ctx, notNil(q.Conversations), tx.tenant, q.Before, int32(q.Limit))
		if err != nil {
			return nil, err
		}
		return collect(rows, func(r gen.MessagesBackwardsRow) (inbox.Message, error) { return messageOf(gen.MessagesByIDsRow(r)) })
	}
	rows, err := tx.q.MessagesForwards(ctx, notNil(q.Conversations), tx.tenant, q.After, int32(q.Limit))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r gen.MessagesForwardsRow) (inbox.Message, error) { return messageOf(gen.MessagesByIDsRow(r)) })
}
