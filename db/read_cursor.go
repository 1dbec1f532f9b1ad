package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	conversationToRead = `
SELECT tenant_id, id, contact_id, channel_account_id, team_id, status, assignee_id, version, last_seq, inbound_count, last_message_at,
  last_inbound_at, preview, snoozed_until, snooze_gen, resolved_at, resolved_at_seq, follow_up_at, created_at
FROM conversations WHERE tenant_id = $1 AND id = $2`

	placeOfMessage = `
SELECT m.seq, coalesce(m.inbound_no, (
  SELECT i.inbound_no FROM messages i
  WHERE i.tenant_id = m.tenant_id AND i.conversation_id = m.conversation_id AND i.seq <= m.seq AND i.inbound_no IS NOT NULL
  ORDER BY i.seq DESC LIMIT 1), 0)::bigint
FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.id = $3`

	lockReadCursor = `
SELECT agent_id, conversation_id, seq, inbound_no, read_at FROM read_cursors
WHERE tenant_id = $1 AND agent_id = $2 AND conversation_id = $3 FOR NO KEY UPDATE`
)

// Reading implements inbox.ReadCursorRows.
func (tx *Tx) Reading(ctx context.Context, agent, conversationID, message uuid.UUID) (r inbox.Reading, err error) {
	batch, found := &pgx.Batch{}, false
	queueEach(batch, func(row gen.Conversation) {
		found, r.Conversation = true, conversation(row)
	}, conversationToRead, tx.tenant, conversationID)
	queueEach(batch, func(place inbox.ReadPlace) { r.Message = &place }, placeOfMessage, tx.tenant, conversationID, message)
	queueEach(batch, func(cursor inbox.ReadCursor) { r.Cursor = &cursor }, lockReadCursor, tx.tenant, agent, conversationID)
	if err = tx.conn.SendBatch(ctx, batch).Close(); err == nil && !found {
		err = inbox.NoConversation()
	}
	return r, err
}

// PutReadCursor implements inbox.ReadCursorRows.
func (tx *Tx) PutReadCursor(ctx context.Context, c inbox.ReadCursor, first bool) error {
	row := gen.InsertReadCursorParams{
		TenantID: tx.tenant, AgentID: c.AgentID, ConversationID: c.ConversationID, Seq: c.Seq, InboundNo: c.InboundNo, ReadAt: c.ReadAt,
	}
	if first {
		return tx.late.InsertReadCursor(ctx, row)
	}
	return tx.late.UpdateReadCursor(ctx, gen.UpdateReadCursorParams{
		TenantID: tx.tenant, AgentID: c.AgentID, ConversationID: c.ConversationID, Seq: c.Seq, InboundNo: c.InboundNo, ReadAt: c.ReadAt,
	})
}
