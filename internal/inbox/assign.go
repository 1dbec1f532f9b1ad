package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// ReassignInput says who is to hold a conversation.
type ReassignInput struct {
	ConversationID uuid.UUID
	AgentID        uuid.UUID
	Key            string `json:"-"` // the idempotency key; empty: none
	Along          Along  `json:"-"`
}

// Claim makes an OPEN, unassigned conversation the agent's. Of many who try at once exactly one wins; the others get AlreadyClaimed
// with Details holder {id, name}. Claiming what is one's own changes nothing. It returns Conflict when it is not OPEN, and NotFound when
// the agent does not see it.
func (in *Inbox) Claim(ctx context.Context, actor Actor, input ConversationInput) (Conversation, error) {
	call := Call{Operation: "claimConversation", Key: input.Key, Input: input, Along: input.Along}
	return in.change(ctx, actor, OpClaim, input.ConversationID, call,
		func(ctx context.Context, tx Tx, c *Conversation, _ time.Time) (bool, error) {
			if c.AssigneeID == nil {
				me := actor.ID()
				c.AssigneeID = &me
				return true, nil
			}
			if c.AssignedTo(actor.ID()) {
				return false, nil
			}
			return false, alreadyClaimed(ctx, tx, *c.AssigneeID)
		})
}

func alreadyClaimed(ctx context.Context, tx Tx, holder uuid.UUID) error {
	found, err := tx.AgentsByIDs(ctx, []uuid.UUID{holder})
	if err != nil {
		return err
	}
	name := ""
	if len(found) == 1 {
		name = found[0].Name
	}
	return &fault.Error{
		Code: fault.AlreadyClaimed, Message: "somebody else holds this conversation",
		Details: map[string]any{"holder": map[string]any{"id": holder.String(), "name": name}},
	}
}

// Reassign gives a conversation that is not RESOLVED to an active agent, whoever holds it. It returns Forbidden unless a supervisor or
// admin acts, Invalid for an agent who is unknown or disabled, Conflict when it is RESOLVED, and NotFound when there is none.
func (in *Inbox) Reassign(ctx context.Context, actor Actor, input ReassignInput) (Conversation, error) {
	call := Call{Operation: "reassignConversation", Key: input.Key, Input: input, Along: input.Along}
	return in.change(ctx, actor, OpReassign, input.ConversationID, call,
		func(ctx context.Context, tx Tx, c *Conversation, _ time.Time) (bool, error) {
			found, err := tx.AgentsByIDs(ctx, []uuid.UUID{input.AgentID})
			if err != nil {
				return false, err
			}
			if len(found) == 0 || found[0].Disabled {
				return false, fault.BadField("agentId", "there is no active agent with this id; choose one of agents")
			}
			if c.AssignedTo(input.AgentID) {
				return false, nil
			}
			to := input.AgentID
			c.AssigneeID = &to
			return true, nil
		})
}

// Release puts a conversation back among the unassigned; one that nobody holds stays as it is. It returns Forbidden unless the holder,
// a supervisor or an admin acts, and NotFound when the agent does not see it.
func (in *Inbox) Release(ctx context.Context, actor Actor, input ConversationInput) (Conversation, error) {
	call := Call{Operation: "releaseConversation", Key: input.Key, Input: input, Along: input.Along}
	return in.change(ctx, actor, OpRelease, input.ConversationID, call,
		func(_ context.Context, _ Tx, c *Conversation, _ time.Time) (bool, error) {
			held := c.AssigneeID != nil
			c.AssigneeID = nil
			return held, nil
		})
}
