package outbound

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// RetryMessageInput names a failed message to send again.
type RetryMessageInput struct {
	MessageID      uuid.UUID
	IdempotencyKey string `json:"-"`
}

// RetryMessage sends a FAILED message again as a new one with RetryOf and returns that; the old one stays as it is. It returns NotFound
// for a message the agent does not see, Conflict when it is not FAILED or was retried already (details name messageId), and what
// SendMessage returns for the conversation it belongs to.
func (o *Outbound) RetryMessage(ctx context.Context, actor inbox.Actor, in RetryMessageInput) (Queued, error) {
	if err := actor.RequireAgent(); err != nil {
		return Queued{}, err
	}
	call := inbox.Call{Operation: "retryMessage", Key: in.IdempotencyKey, Input: in}
	return o.perform(ctx, actor, call, func(tx Tx) (made, error) { return o.retryMessage(ctx, tx, actor, in.MessageID) })
}

func (o *Outbound) retryMessage(ctx context.Context, tx Tx, actor inbox.Actor, id uuid.UUID) (made, error) {
	seen, err := oneMessage(ctx, tx, id, "messageId")
	if err != nil {
		return made{}, err
	}
	c, account, err := writable(ctx, tx, actor, seen.ConversationID)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = notFound("messageId", "there is no such message")
		}
		return made{}, err
	}
	old, err := failed(ctx, tx, id)
	if err != nil {
		return made{}, err
	}
	now := o.now()
	if err := checkWindow(account, c, old.Kind, now); err != nil {
		return made{}, err
	}
	recipient, err := tx.LastRecipient(ctx, id)
	if err != nil {
		return made{}, err
	}
	author := actor.ID()
	m := &inbox.Message{
		Kind: old.Kind, Text: old.Text, Content: old.Content, ReplyTo: old.ReplyTo, CorrelationID: old.CorrelationID,
		OnUnknown: old.OnUnknown, AuthorAgentID: &author, RetryOf: &id,
	}
	before := *c
	return o.queue(ctx, tx, actor, now, order{before: &before, conversation: c, message: m, recipient: recipient, action: "message.retried"})
}

// failed locks the message, whose conversation is locked, and returns it when it can be retried.
func failed(ctx context.Context, tx Tx, id uuid.UUID) (inbox.Message, error) {
	locked, err := tx.LockMessages(ctx, []uuid.UUID{id})
	if err != nil {
		return inbox.Message{}, err
	}
	if len(locked) == 0 || locked[0].Direction != inbox.Outbound || locked[0].Status != inbox.MessageFailed {
		return inbox.Message{}, &fault.Error{Code: fault.Conflict, Field: "messageId",
			Message: "only a message that has failed can be sent again", Details: map[string]any{"reason": "NOT_FAILED"}}
	}
	retries, err := tx.MessageRetries(ctx, []uuid.UUID{id})
	if err != nil {
		return inbox.Message{}, err
	}
	if newer, ok := retries[id]; ok {
		return inbox.Message{}, &fault.Error{Code: fault.Conflict, Field: "messageId", Message: "the message was sent again already",
			Details: map[string]any{"reason": "ALREADY_RETRIED", "messageId": newer}}
	}
	return locked[0], nil
}
