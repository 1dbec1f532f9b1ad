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
	// Reading returns how far the agent has read the conversation and where the message stands in it, in one message, and holds his cursor
	// until the transaction ends. It returns NotFound when there is no such conversation.
	Reading(ctx context.Context, agent, conversation, message uuid.UUID) (Reading, error)
	// PutReadCursor writes a cursor that Reading has returned, or the first one. When somebody else has written the first meanwhile, that
	// is a raced unique key: the transaction runs again.
	PutReadCursor(ctx context.Context, cursor ReadCursor, first bool) error
}

// Reading is an agent's place in a conversation, and that of a message of it.
type Reading struct {
	Conversation Conversation
	Cursor       *ReadCursor // nil: he has read nothing
	Message      *ReadPlace  // nil: the conversation has no such message
}

// ReadPlace is the place of a message: its number, and how many INBOUND messages there are up to it.
type ReadPlace struct {
	Seq       int64
	InboundNo int64
}

// unread returns how many INBOUND messages are beyond the cursor.
func (r *Reading) unread() int64 {
	if r.Cursor == nil {
		return r.Conversation.InboundCount
	}
	return max(r.Conversation.InboundCount-r.Cursor.InboundNo, 0)
}

// MarkRead moves the agent's read cursor forward to the message, never back, and returns the conversation and how many INBOUND messages
// remain unread. It returns NotFound when the agent does not see the conversation or it has no such message.
func (in *Inbox) MarkRead(ctx context.Context, actor Actor, input MarkReadInput) (c Conversation, unread int64, err error) {
	if err := actor.RequireAgent(); err != nil {
		return c, 0, err
	}
	call := Call{Operation: "markRead", Key: input.Key, Input: input}
	err = in.store.InTenant(ctx, actor.Tenant(), func(tx Tx) error {
		repeated := true
		done, err := Once(ctx, tx, actor, call, func() (_ kept, err error) {
			repeated = false
			c, unread, err = in.moveCursor(ctx, tx, actor, input)
			return kept{ConversationID: input.ConversationID}, err
		})
		if err != nil || !repeated {
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

// moveCursor returns the conversation and what remains unread. A cursor never moves back, whatever the order in which two clients of an agent
// report.
func (in *Inbox) moveCursor(ctx context.Context, tx Tx, actor Actor, input MarkReadInput) (c Conversation, unread int64, err error) {
	now, me := in.now(), actor.ID()
	r, err := tx.Reading(ctx, me, input.ConversationID, input.UpToMessageID)
	if err != nil {
		return c, 0, err
	}
	if err := Permit(actor, OpMarkRead, &r.Conversation); err != nil {
		return c, 0, err
	}
	if r.Message == nil {
		return c, 0, &fault.Error{
			Code: fault.NotFound, Field: "upToMessageId", Message: "the conversation has no such message; send one that was shown",
		}
	}
	c, first := r.Conversation, r.Cursor == nil
	if !first && r.Cursor.Seq >= r.Message.Seq {
		return c, r.unread(), nil
	}
	r.Cursor = &ReadCursor{AgentID: me, ConversationID: c.ID, Seq: r.Message.Seq, InboundNo: r.Message.InboundNo, ReadAt: now}
	if err := tx.PutReadCursor(ctx, *r.Cursor, first); err != nil {
		return c, 0, err
	}
	event := ConversationEvent(EventReadCursorMoved, actor, nil, &c, now)
	// The row is not locked: by the time this is numbered, its state may be another one. The event does not speak of it.
	event.StatusAfter, event.AssigneeAfter, event.TeamAfter = "", nil, nil
	event.AgentID, event.MessageID, event.MessageSeq = &me, &input.UpToMessageID, r.Message.Seq
	tx.Record(event)
	entry := NewAuditEntry(actor, auditAction(OpMarkRead), "conversation", c.ID, map[string]any{"upToSeq": r.Message.Seq}, now)
	return c, r.unread(), tx.Audit(ctx, entry)
}
