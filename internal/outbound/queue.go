package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// made is what a mutation keeps under its idempotency key.
type made struct {
	MessageID uuid.UUID      `json:"messageId"`
	AccountID uuid.UUID      `json:"accountId"`
	message   *inbox.Message // set when it was made just now
}

// Queued is a message as a sending mutation leaves it.
type Queued struct {
	inbox.Message
	// New tells that this call made it, so that nothing has happened to it yet. A call that is repeated finds it as it is by then.
	New bool
}

// order is one message on its way into the queue.
type order struct {
	before       *inbox.Conversation // nil for a new conversation
	conversation *inbox.Conversation
	message      *inbox.Message
	recipient    string // an address that was named; empty: the contact's own
	action       string // for the audit log
}

// queue appends the message to its conversation and makes the row that gets it sent, in the transaction of its intent.
func (o *Outbound) queue(ctx context.Context, tx Tx, actor inbox.Actor, now time.Time, q order) (made, error) {
	m := q.message
	m.Direction, m.Status = inbox.Outbound, inbox.MessageQueued
	if actor.IsAgent() {
		q.conversation.FollowUpAt = nil // somebody takes care
	}
	entry := inbox.Entry{Before: q.before, Conversation: q.conversation, Message: m}
	if err := inbox.Append(ctx, tx, actor, now, []inbox.Entry{entry}); err != nil {
		return made{}, err
	}
	err := tx.InsertDispatches(ctx, Lifetime, []Dispatch{{
		MessageID: m.ID, ChannelAccountID: m.ChannelAccountID, ConversationID: m.ConversationID, Seq: m.Seq, Recipient: q.recipient,
	}})
	if err != nil {
		return made{}, err
	}
	line := inbox.NewAuditEntry(actor, q.action, "message", m.ID, nil, now)
	line.CorrelationID = m.CorrelationID
	line.Details = map[string]any{"conversation": m.ConversationID, "kind": m.Kind}
	if m.RetryOf != nil {
		line.Details["retryOf"] = *m.RetryOf
	}
	return made{MessageID: m.ID, AccountID: m.ChannelAccountID, message: m}, tx.Audit(ctx, line)
}

// perform runs a sending mutation: once for its key, in one transaction, and rings the lane after the commit.
func (o *Outbound) perform(ctx context.Context, actor inbox.Actor, call inbox.Call, fn func(Tx) (made, error)) (Queued, error) {
	var message Queued
	var result made
	err := o.store.InTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		result, err = inbox.Once(ctx, tx, actor, call, func() (made, error) { return fn(tx) })
		if err != nil {
			return err
		}
		if result.message != nil {
			message = Queued{Message: *result.message, New: true}
			return nil
		}
		message = Queued{}
		message.Message, err = oneMessage(ctx, tx, result.MessageID, "message")
		return err
	})
	if err != nil {
		return Queued{}, err
	}
	_ = faultpoint.Point("mut.enqueue")
	o.cfg.Bells.Ring(ctx, actor.Tenant(), result.AccountID)
	return message, nil
}

// oneMessage returns the message, or a NotFound error that names the field it was asked by.
func oneMessage(ctx context.Context, tx Tx, id uuid.UUID, field string) (inbox.Message, error) {
	found, err := tx.MessagesByIDs(ctx, []uuid.UUID{id})
	if err != nil {
		return inbox.Message{}, err
	}
	if len(found) == 0 {
		return inbox.Message{}, notFound(field, "there is no such message")
	}
	return found[0], nil
}

func notFound(field, message string) error {
	return &fault.Error{Code: fault.NotFound, Field: field, Message: message}
}

// writable locks the conversation for a message of the actor and returns it with its channel account. It returns NotFound for one the actor
// does not see, and Conflict for one that is not OPEN or whose account is switched off.
func writable(ctx context.Context, tx Tx, actor inbox.Actor, id uuid.UUID) (*inbox.Conversation, inbox.ChannelAccount, error) {
	c, account, err := tx.LockWithAccount(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, inbox.ChannelAccount{}, err
	}
	if err != nil || !actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) {
		return nil, inbox.ChannelAccount{}, notFound("conversationId", "there is no such conversation")
	}
	if c.Status != inbox.StatusOpen {
		return nil, inbox.ChannelAccount{}, &fault.Error{Code: fault.Conflict, Field: "conversationId",
			Message: "the conversation is not open; reopen it first", Details: map[string]any{"reason": "NOT_OPEN", "status": c.Status}}
	}
	return &c, account, usable(account)
}

// usableAccount returns the channel account; NotFound when there is none, Conflict when it is switched off. One whose credentials must
// be renewed is usable: its messages wait.
func usableAccount(ctx context.Context, tx Tx, id uuid.UUID) (inbox.ChannelAccount, error) {
	found, err := tx.ChannelAccountsByIDs(ctx, []uuid.UUID{id})
	if err != nil {
		return inbox.ChannelAccount{}, err
	}
	if len(found) == 0 {
		return inbox.ChannelAccount{}, notFound("channelAccountId", "there is no such channel account")
	}
	return found[0], usable(found[0])
}

func usable(account inbox.ChannelAccount) error {
	if account.Status != inbox.AccountDisabled {
		return nil
	}
	return &fault.Error{Code: fault.Conflict, Field: "channelAccountId",
		Message: "the channel account is switched off; ask an admin", Details: map[string]any{"reason": "ACCOUNT_DISABLED"}}
}

// checkWindow returns ReplyWindowClosed for free text that the channel does not let go now.
func checkWindow(account inbox.ChannelAccount, c *inbox.Conversation, kind channel.Kind, now time.Time) error {
	if kind == channel.KindTemplate || !windowShut(account.Channel, c, now) {
		return nil
	}
	why := "the contact's last message is more than 24 hours old; send a template instead"
	if c.LastInboundAt == nil {
		why = "the contact has never written here; send a template instead"
	}
	return &fault.Error{Code: fault.ReplyWindowClosed, Field: "text", Message: why}
}
