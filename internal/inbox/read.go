package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// ReadCursor is how far an agent has read a conversation: up to the message Seq, before which InboundNo messages of the contact stand.
type ReadCursor struct {
	AgentID        uuid.UUID
	ConversationID uuid.UUID
	Seq            int64
	InboundNo      int64
	ReadAt         time.Time // for display; what is unread follows from Seq
}

// MarkReadInput names the newest message that the agent has been shown.
type MarkReadInput struct {
	ConversationID uuid.UUID
	UpToMessageID  uuid.UUID
	Key            string `json:"-"` // the idempotency key; empty: none
}

// ReadCursorRows are the read cursors of one tenant.
type ReadCursorRows interface {
	// PlaceOfMessage returns the message's seq in the conversation and how many INBOUND messages there are up to it; found is false
	// when the conversation has no such message.
	PlaceOfMessage(ctx context.Context, conversation, message uuid.UUID) (seq, inboundNo int64, found bool, err error)
	// MoveReadCursor moves an agent's cursor forward and returns true, or leaves one that is as far or farther and returns false.
	MoveReadCursor(ctx context.Context, cursor ReadCursor) (moved bool, err error)
}

// MarkRead moves the agent's read cursor forward to the message, never back, and returns the conversation and how many INBOUND messages
// remain unread. It returns NotFound when the agent does not see the conversation or it has no such message.
func (in *Inbox) MarkRead(ctx context.Context, actor Actor, input MarkReadInput) (c Conversation, unread int64, err error) {
	if err := actor.RequireAgent(); err != nil {
		return c, 0, err
	}
	call := Call{Operation: "markRead", Key: input.Key, Input: input}
	err = in.store.InTenant(ctx, actor.Tenant(), func(tx Tx) error {
		done, err := Once(ctx, tx, actor, call, func() (kept, error) {
			return kept{ConversationID: input.ConversationID}, in.moveCursor(ctx, tx, actor, input)
		})
		if err != nil {
			return err
		}
		if c, err = one(ctx, tx, done.ConversationID); err != nil {
			return err
		}
		rows, err := tx.UnreadCounts(ctx, []uuid.UUID{actor.ID()}, []uuid.UUID{c.ID})
		if err == nil && len(rows) == 1 {
			unread = rows[0].Unread
		}
		return err
	})
	return c, unread, err
}

func (in *Inbox) moveCursor(ctx context.Context, tx Tx, actor Actor, input MarkReadInput) error {
	c, err := one(ctx, tx, input.ConversationID)
	if err != nil {
		return err
	}
	if err := Permit(actor, OpMarkRead, &c); err != nil {
		return err
	}
	seq, inboundNo, found, err := tx.PlaceOfMessage(ctx, c.ID, input.UpToMessageID)
	if err != nil {
		return err
	}
	if !found {
		return &fault.Error{
			Code: fault.NotFound, Field: "upToMessageId", Message: "the conversation has no such message; send one that was shown",
		}
	}
	now, me := in.now(), actor.ID()
	moved, err := tx.MoveReadCursor(ctx, ReadCursor{AgentID: me, ConversationID: c.ID, Seq: seq, InboundNo: inboundNo, ReadAt: now})
	if err != nil || !moved {
		return err
	}
	event := ConversationEvent(EventReadCursorMoved, actor, nil, &c, now)
	// The row is not locked: by the time this is numbered, its state may be another one. The event does not speak of it.
	event.StatusAfter, event.AssigneeAfter, event.TeamAfter = "", nil, nil
	event.AgentID, event.MessageID, event.MessageSeq = &me, &input.UpToMessageID, seq
	tx.Record(event)
	details := map[string]any{"upToSeq": seq}
	return tx.Audit(ctx, NewAuditEntry(actor, auditAction(OpMarkRead), "conversation", c.ID, details, now))
}
