// Package view holds the forms in which the API shows what the domain keeps in another: optional texts as null, stored content as
// types of its own. It computes and loads nothing; fields that need storage are resolvers in graph.
//
// Imports: inbox, channel.
package view

import (
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Message shows an inbox.Message.
type Message struct{ inbox.Message }

// Messages returns the views of the messages in their order.
func Messages(messages []inbox.Message) []*Message {
	views := make([]*Message, len(messages))
	for i := range messages {
		views[i] = &Message{Message: messages[i]}
	}
	return views
}

// Label returns the provider's own name of a type that is shown as a placeholder, or nil.
func (m *Message) Label() *string { return optional(m.Content.Label) }

// Forwarded reports whether the contact forwarded the message from elsewhere.
func (m *Message) Forwarded() bool { return m.Content.Forwarded }

// CorrelationID returns the triggering system's id, or nil.
func (m *Message) CorrelationID() *string { return optional(m.Message.CorrelationID) }

// Failure returns why the message failed, or nil unless it is FAILED.
func (m *Message) Failure() *Failure {
	if m.Status != inbox.MessageFailed {
		return nil
	}
	return &Failure{Code: m.FailedCode, Reason: m.FailedReason}
}

// Failure tells why a message failed.
type Failure struct{ Code, Reason string }

// Reaction is a contact's reaction to a message.
type Reaction struct {
	Emoji string
	At    time.Time
}

// HoldReason is what can hold a message.
type HoldReason string

// Hold tells why a QUEUED message waits.
type Hold struct {
	Reason HoldReason
	Since  time.Time
	Until  time.Time
}

// AttemptOutcome is what came of a call.
type AttemptOutcome string

// Attempt is one call to a provider for one message.
type Attempt struct {
	Number     int
	StartedAt  time.Time
	FinishedAt *time.Time
	Outcome    AttemptOutcome
	Class      *string
	Code       *string
	Reason     *string
}

// Attachment shows an inbox.Attachment.
type Attachment struct{ inbox.Attachment }

// Size returns the file's bytes, or nil until it is STORED.
func (a *Attachment) Size() *int64 {
	if a.State != inbox.AttachmentStored {
		return nil
	}
	return &a.SizeBytes
}

// FailedReason returns why the file could not be fetched, or nil unless that is so.
func (a *Attachment) FailedReason() *string { return optional(a.Attachment.FailedReason) }

// AlertKind is what an alert is about.
type AlertKind string

// Alert is something people must know about.
type Alert struct {
	ID               uuid.UUID
	Kind             AlertKind
	Message          string
	ConversationID   *uuid.UUID
	ChannelAccountID *uuid.UUID
	OpenedAt         time.Time
	ClosedAt         *time.Time
}

// optional returns nil for the empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
