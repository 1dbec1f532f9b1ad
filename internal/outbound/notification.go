package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// SendNotificationInput is what another system wants a person told.
type SendNotificationInput struct {
	ChannelAccountID uuid.UUID
	Phone            string // of the person, however it is spelt
	Name             string // for a contact that does not exist yet
	Template         channel.Template
	CorrelationID    string // the triggering system's id for this
	IdempotencyKey   string `json:"-"`
}

// SendNotification finds or makes the contact and the conversation and queues the template, in one transaction, and returns the message.
// It returns Forbidden without the scope, Invalid naming the field, and NotFound for an unknown channel account.
func (o *Outbound) SendNotification(ctx context.Context, actor inbox.Actor, in SendNotificationInput) (Queued, error) {
	if actor.Kind() != inbox.ActorAPIKey || !actor.Has(inbox.ScopeSend) {
		return Queued{}, fault.New(fault.Forbidden, "this needs an API key with the scope %s", inbox.ScopeSend)
	}
	phone, err := inbox.NormalizePhone(in.Phone)
	if err != nil {
		return Queued{}, fault.BadField("recipient.phone",
			"a phone number is written with its country code, for example +4915123456789")
	}
	in.Phone = phone
	if err := checkString("recipient.name", in.Name, maxName); err != nil {
		return Queued{}, err
	}
	if err := checkString("correlationId", in.CorrelationID, maxCorrelation); err != nil {
		return Queued{}, err
	}
	if err := checkTemplate(in.Template); err != nil {
		return Queued{}, err
	}
	call := inbox.Call{Operation: "sendNotification", Key: in.IdempotencyKey, Input: in}
	return o.perform(ctx, actor, call, func(tx Tx) (made, error) { return o.sendNotification(ctx, tx, actor, in) })
}

func (o *Outbound) sendNotification(ctx context.Context, tx Tx, actor inbox.Actor, in SendNotificationInput) (made, error) {
	account, err := usableAccount(ctx, tx, in.ChannelAccountID)
	if err != nil {
		return made{}, err
	}
	now := o.now()
	contact, err := findPerson(ctx, tx, actor, now, in)
	if err != nil {
		return made{}, err
	}
	before, c, err := findConversation(ctx, tx, account, contact, now)
	if err != nil {
		return made{}, err
	}
	key := actor.ID()
	m := newMessage(nil, &in.Template)
	m.AuthorAPIKeyID, m.CorrelationID, m.OnUnknown = &key, in.CorrelationID, OnUnknown(PurposeNotification)
	return o.queue(ctx, tx, actor, now,
		order{before: before, conversation: c, message: m, recipient: in.Phone, action: "notification.queued"})
}

// findPerson returns the contact with the phone number, and makes one when there is none.
func findPerson(ctx context.Context, tx Tx, actor inbox.Actor, now time.Time, in SendNotificationInput) (uuid.UUID, error) {
	known, err := tx.ContactByPhone(ctx, in.Phone)
	if err != nil || known != uuid.Nil {
		return known, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	contact := inbox.Contact{ID: id, Name: in.Name, Version: 1, CreatedAt: now}
	if err := tx.InsertPerson(ctx, contact, in.Phone); err != nil {
		return uuid.Nil, err
	}
	return id, tx.Audit(ctx, inbox.NewAuditEntry(actor, "contact.created", "contact", id, nil, now))
}

// findConversation locks and returns the contact's active conversation on the account, as it was and to be changed, or a new OPEN one.
func findConversation(ctx context.Context, tx Tx, account inbox.ChannelAccount, contact uuid.UUID, now time.Time) (*inbox.Conversation,
	*inbox.Conversation, error,
) {
	newest, err := tx.NewestConversation(ctx, contact, account.ID)
	if err != nil {
		return nil, nil, err
	}
	if newest != uuid.Nil {
		locked, err := tx.LockConversations(ctx, []uuid.UUID{newest})
		if err != nil {
			return nil, nil, err
		}
		if len(locked) == 1 && locked[0].Active() {
			before := locked[0]
			return &before, &locked[0], nil
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, nil, err
	}
	return nil, &inbox.Conversation{
		ID: id, ContactID: contact, ChannelAccountID: account.ID, TeamID: account.TeamID, Status: inbox.StatusOpen,
		LastMessageAt: now, CreatedAt: now,
	}, nil
}
