// Package view holds the forms in which the API shows what the domain keeps in another: optional texts as null, stored content as
// types of its own. It computes and loads nothing; fields that need storage are resolvers in graph.
//
// Imports: inbox, outbound, channel.
package view

import (
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
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
func (m *Message) Label() *string { return Optional(m.Content.Label) }

// Forwarded reports whether the contact forwarded the message from elsewhere.
func (m *Message) Forwarded() bool { return m.Content.Forwarded }

// CorrelationID returns the triggering system's id, or nil.
func (m *Message) CorrelationID() *string { return Optional(m.Message.CorrelationID) }

// Failure returns why the message failed, or nil unless it is FAILED.
func (m *Message) Failure() *Failure {
	if m.Status != inbox.MessageFailed {
		return nil
	}
	return &Failure{Code: m.FailedCode, Reason: m.FailedReason}
}

// Failure tells why a message failed.
type Failure struct{ Code, Reason string }

// Hold tells why a QUEUED message waits.
type Hold struct {
	Reason outbound.Hold
	Since  time.Time
	Until  time.Time
}

// Attempt shows an outbound.Attempt.
type Attempt struct{ outbound.Attempt }

// Class returns the kind of failure, or nil.
func (a *Attempt) Class() *string { return Optional(string(a.Attempt.Class)) }

// Code returns the provider's code, or nil.
func (a *Attempt) Code() *string { return Optional(a.Attempt.Code) }

// Reason returns the provider's words, or nil.
func (a *Attempt) Reason() *string { return Optional(a.Attempt.Reason) }

// Alert shows an outbound.Alert.
type Alert struct{ outbound.Alert }

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
func (a *Attachment) FailedReason() *string { return Optional(a.Attachment.FailedReason) }

// Optional returns nil for the empty text.
func Optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
