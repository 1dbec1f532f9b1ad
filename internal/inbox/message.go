package inbox

import (
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// Direction tells who wrote a message.
type Direction string

// The directions of a message.
const (
	Inbound  Direction = "INBOUND"
	Outbound Direction = "OUTBOUND"
	Note     Direction = "NOTE" // for colleagues only; never sent
)

// MessageStatus is how far a message has come. For OUTBOUND it is derived from the set of facts, see DeriveStatus.
type MessageStatus string

// The statuses of a message.
const (
	MessageReceived  MessageStatus = "RECEIVED"
	MessageWritten   MessageStatus = "WRITTEN"
	MessageQueued    MessageStatus = "QUEUED"
	MessageSent      MessageStatus = "SENT"
	MessageDelivered MessageStatus = "DELIVERED"
	MessageRead      MessageStatus = "READ"
	MessageFailed    MessageStatus = "FAILED"
)

// OnUnknown is what happens to a message when a call's outcome stays unknown after its receipt had time to arrive.
type OnUnknown string

// The policies for an unknown outcome.
const (
	ReconcileThenRetry OnUnknown = "RECONCILE_THEN_RETRY" // send again: rather twice than not at all
	ReconcileThenFail  OnUnknown = "RECONCILE_THEN_FAIL"  // give up visibly: rather not at all than twice
)

// Message is one entry of a conversation.
type Message struct {
	ID               uuid.UUID
	ConversationID   uuid.UUID
	ChannelAccountID uuid.UUID
	Seq              int64 // order within the conversation, without gaps
	InboundNo        int64 // running number among INBOUND messages; 0 for others
	Direction        Direction
	Kind             channel.Kind
	Text             string
	Content          channel.Content
	Raw              []byte // an inbound item as it came; loaded only when asked for
	ExternalID       string // the provider's id; empty until known
	ReplyTo          string // the provider's id of the quoted message
	AuthorAgentID    *uuid.UUID
	AuthorAPIKeyID   *uuid.UUID
	CorrelationID    string
	RetryOf          *uuid.UUID
	OnUnknown        OnUnknown
	Status           MessageStatus
	FailedCode       string
	FailedReason     string
	SentAt           *time.Time
	DeliveredAt      *time.Time
	ReadAt           *time.Time
	FailedAt         *time.Time
	ProviderAt       *time.Time
	Version          int64
	CreatedAt        time.Time
}
