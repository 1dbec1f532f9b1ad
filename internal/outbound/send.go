package outbound

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// SendMessageInput is a message of an agent: exactly one of Text and Template.
type SendMessageInput struct {
	ConversationID   uuid.UUID
	Text             *string
	Template         *channel.Template
	ReplyToMessageID *uuid.UUID
	ExpectedLastSeq  *int64 // the newest message the agent has seen
	IdempotencyKey   string `json:"-"`
}

// SendMessage queues a message to the contact and returns it. It returns Invalid for a malformed message or an ExpectedLastSeq that no
// message has yet, NotFound for a conversation
// that the agent does not see, Conflict when it is not OPEN or has moved past ExpectedLastSeq (details name lastSeq), and
// ReplyWindowClosed for free text outside the window.
func (o *Outbound) SendMessage(ctx context.Context, actor inbox.Actor, in SendMessageInput) (Queued, error) {
	if err := actor.RequireAgent(); err != nil {
		return Queued{}, err
	}
	if err := checkContent(in.Text, in.Template); err != nil {
		return Queued{}, err
	}
	call := inbox.Call{Operation: "sendMessage", Key: in.IdempotencyKey, Input: in}
	return o.perform(ctx, actor, call, func(tx Tx) (made, error) { return o.sendMessage(ctx, tx, actor, in) })
}

func (o *Outbound) sendMessage(ctx context.Context, tx Tx, actor inbox.Actor, in SendMessageInput) (made, error) {
	c, account, err := writable(ctx, tx, actor, in.ConversationID)
	if err != nil {
		return made{}, err
	}
	if err := c.CheckLastSeq(in.ExpectedLastSeq); err != nil {
		return made{}, err
	}
	now := o.now()
	m := newMessage(in.Text, in.Template)
	if err := checkWindow(account, c, m.Kind, now); err != nil {
		return made{}, err
	}
	if m.ReplyTo, err = quotable(ctx, tx, c.ID, in.ReplyToMessageID); err != nil {
		return made{}, err
	}
	author := actor.ID()
	m.AuthorAgentID, m.OnUnknown = &author, OnUnknown(PurposeReply)
	before := *c
	return o.queue(ctx, tx, actor, now, order{before: &before, conversation: c, message: m, action: "message.queued"})
}

// newMessage returns a message of free text, or of a template when text is nil.
func newMessage(text *string, template *channel.Template) *inbox.Message {
	if text != nil {
		return &inbox.Message{Kind: channel.KindText, Text: *text}
	}
	return &inbox.Message{Kind: channel.KindTemplate, Content: channel.Content{Template: template}}
}

// quotable returns the provider's id of the message to quote, or an error when it is not in the conversation or the provider does not
// know it.
func quotable(ctx context.Context, tx Tx, conversation uuid.UUID, id *uuid.UUID) (string, error) {
	if id == nil {
		return "", nil
	}
	quoted, err := oneMessage(ctx, tx, *id, "replyToMessageId")
	if err != nil {
		return "", err
	}
	if quoted.ConversationID != conversation {
		return "", notFound("replyToMessageId", "the message to quote is not in this conversation")
	}
	if quoted.ExternalID == "" {
		return "", fault.BadField("replyToMessageId", "the provider does not know that message; quote another one")
	}
	return quoted.ExternalID, nil
}
