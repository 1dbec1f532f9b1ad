package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// ResolveInput names a conversation to end, and what the agent had seen of it.
type ResolveInput struct {
	ConversationID  uuid.UUID
	ExpectedLastSeq *int64 // nil: whatever has arrived
	Key             string `json:"-"` // the idempotency key; empty: none
	Along           Along  `json:"-"`
}

// Resolve ends a conversation. It returns Conflict when it is RESOLVED already, or with Details lastSeq when a message has arrived that
// the agent had not seen; and NotFound when the agent does not see it.
func (in *Inbox) Resolve(ctx context.Context, actor Actor, input ResolveInput) (Conversation, error) {
	call := Call{Operation: "resolveConversation", Key: input.Key, Input: input, Along: input.Along}
	return in.change(ctx, actor, OpResolve, input.ConversationID, call,
		func(_ context.Context, _ Tx, c *Conversation, now time.Time) (bool, error) {
			if err := c.CheckLastSeq(input.ExpectedLastSeq); err != nil {
				return false, err
			}
			at, seq := now, c.LastSeq
			c.ResolvedAt, c.ResolvedAtSeq = &at, &seq
			c.SnoozedUntil, c.FollowUpAt = nil, nil
			return true, nil
		})
}

// CheckLastSeq returns nil when expected is nil or the conversation's newest message, Conflict with Details lastSeq when the conversation
// has moved on, and Invalid for a number that no message has yet.
func (c *Conversation) CheckLastSeq(expected *int64) error {
	switch {
	case expected == nil || *expected == c.LastSeq:
		return nil
	case *expected < 0 || *expected > c.LastSeq:
		return fault.BadField("expectedLastSeq", "no message has this number; send the lastSeq that was shown")
	}
	return &fault.Error{
		Code: fault.Conflict, Field: "expectedLastSeq", Message: "a message has arrived meanwhile; look at it and try again",
		Details: map[string]any{"reason": "NEWER_MESSAGES", "lastSeq": c.LastSeq},
	}
}

// Reopen opens a RESOLVED conversation again, or wakes a SNOOZED one. It returns Conflict when it is OPEN, or with Details
// conversationId when the contact has another active conversation on the account; and NotFound when the agent does not see it.
func (in *Inbox) Reopen(ctx context.Context, actor Actor, input ConversationInput) (Conversation, error) {
	call := Call{Operation: "reopenConversation", Key: input.Key, Input: input, Along: input.Along}
	return in.change(ctx, actor, OpReopen, input.ConversationID, call,
		func(ctx context.Context, tx Tx, c *Conversation, _ time.Time) (bool, error) {
			wasResolved := c.ResolvedAt != nil
			c.ResolvedAt, c.ResolvedAtSeq, c.SnoozedUntil = nil, nil, nil
			if !wasResolved {
				return true, nil
			}
			// A conversation that becomes active between this look and the commit breaks the unique key, and the transaction runs again.
			other, err := tx.ActiveConversation(ctx, c.ContactID, c.ChannelAccountID)
			if err != nil || other == nil {
				return err == nil, err
			}
			return false, &fault.Error{
				Code: fault.Conflict, Message: "the contact has another active conversation on this account; continue there",
				Details: map[string]any{"reason": "OTHER_ACTIVE", "conversationId": other.String()},
			}
		})
}
