package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// PlaceOfMessage implements inbox.ReadCursorRows.
func (tx *Tx) PlaceOfMessage(ctx context.Context, conversation, message uuid.UUID) (seq, inboundNo int64, ok bool, err error) {
	row, err := tx.q.PlaceOfMessage(ctx, tx.tenant, conversation, message)
	ok, err = found(err)
	return row.Seq, row.InboundNo, ok, err
}

// MoveReadCursor implements inbox.ReadCursorRows.
func (tx *Tx) MoveReadCursor(ctx context.Context, c inbox.ReadCursor) (bool, error) {
	n, err := tx.q.MoveReadCursor(ctx, gen.MoveReadCursorParams{
		TenantID: tx.tenant, AgentID: c.AgentID, ConversationID: c.ConversationID, Seq: c.Seq, InboundNo: c.InboundNo, ReadAt: c.ReadAt,
	})
	return n == 1, err
}
