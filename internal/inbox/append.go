package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Entry is one message on its way into a conversation. Entries of the same conversation share the pointers.
type Entry struct {
	// Before is the conversation as it was stored; nil for a new one, which Append inserts.
	Before *Conversation
	// Conversation is the locked conversation, with whatever else the use case changed about it.
	Conversation *Conversation
	// Message is what to append. Append sets its ID (unless set), ConversationID, ChannelAccountID, Seq, InboundNo, Version and
	// CreatedAt.
	Message *Message
	// By is who wrote it, where that differs from Append's actor from message to message.
	By *Actor
}

// Append writes messages to the ends of their conversations, in the order of the entries: it numbers them, updates or inserts the
// conversations with every change the caller made to them, inserts the messages, and records CONVERSATION_CREATED for each new
// conversation and MESSAGE_CREATED for each message. It costs the same few statements for one entry and for thousands. The
// caller has locked the conversations and records any other event about them before it calls.
func Append(ctx context.Context, tx Tx, actor Actor, now time.Time, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var fresh, changed []*Conversation
	seen := make(map[*Conversation]bool, len(entries))
	events := make([]Event, 0, len(entries))
	messages := make([]Message, len(entries))
	for i, e := range entries {
		c, before, actor := e.Conversation, e.Before, actor
		if e.By != nil {
			actor = *e.By
		}
		switch {
		case seen[c]:
			last := *c
			before = &last // the entry before this one left it so
		case e.Before == nil:
			c.Version = 1
			fresh = append(fresh, c)
			events = append(events, ConversationEvent(EventConversationCreated, actor, nil, c, now))
			born := *c
			before = &born
		default:
			c.Version++
			changed = append(changed, c)
		}
		seen[c] = true
		if err := number(c, e.Message, now); err != nil {
			return err
		}
		messages[i] = *e.Message
		events = append(events, messageEvent(EventMessageCreated, actor, before, c, e.Message, now))
	}
	if err := writeConversations(ctx, tx, fresh, changed); err != nil {
		return err
	}
	if err := tx.InsertMessages(ctx, messages); err != nil {
		return err
	}
	tx.Record(events...)
	return nil
}

// number gives the message its place at the end of the conversation.
func number(c *Conversation, m *Message, now time.Time) error {
	if m.ID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		m.ID = id
	}
	c.LastSeq++
	c.LastMessageAt = now
	c.Preview = Preview(m)
	m.ConversationID, m.ChannelAccountID = c.ID, c.ChannelAccountID
	m.Seq, m.Version, m.CreatedAt = c.LastSeq, 1, now
	if m.Direction == Inbound {
		c.InboundCount++
		c.LastInboundAt = &now
		m.InboundNo = c.InboundCount
	}
	return nil
}

func writeConversations(ctx context.Context, tx Tx, fresh, changed []*Conversation) error {
	if len(fresh) > 0 {
		if err := tx.InsertConversations(ctx, values(fresh)); err != nil {
			return err
		}
	}
	if len(changed) > 0 {
		return tx.UpdateConversations(ctx, values(changed))
	}
	return nil
}

// messageEvent returns an event about a message, with the conversation's state before and after.
func messageEvent(kind EventKind, actor Actor, before, after *Conversation, m *Message, at time.Time) Event {
	e := ConversationEvent(kind, actor, before, after, at)
	id := m.ID
	e.MessageID, e.MessageSeq, e.Direction, e.Version = &id, m.Seq, m.Direction, m.Version
	e.MessageStatusAfter = m.Status
	return e
}

func values[T any](pointers []*T) []T {
	out := make([]T, len(pointers))
	for i, p := range pointers {
		out[i] = *p
	}
	return out
}
