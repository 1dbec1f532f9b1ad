package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// AttemptOutcome is what came of a call.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptSending  AttemptOutcome = "SENDING"
	AttemptAccepted AttemptOutcome = "ACCEPTED"
	AttemptRejected AttemptOutcome = "REJECTED"
	AttemptUnknown  AttemptOutcome = "UNKNOWN"
)

// Attempt is one call to a provider for one message. Its row is committed before the call.
type Attempt struct {
	ID         uuid.UUID
	MessageID  uuid.UUID
	Number     int
	StartedAt  time.Time
	FinishedAt *time.Time
	Outcome    AttemptOutcome
	Class      channel.Class
	Code       string
	Reason     string
	ExternalID string
}

// Ending is how an attempt ended.
type Ending struct {
	AttemptID  uuid.UUID
	Outcome    AttemptOutcome
	Class      channel.Class
	Code       string
	Reason     string
	ExternalID string
}

// Called is an attempt as a receipt finds it.
type Called struct {
	AttemptID        uuid.UUID
	MessageID        uuid.UUID
	ConversationID   uuid.UUID
	ChannelAccountID uuid.UUID
	Recipient        string // the address that was called
	ExternalID       string
}

// AttemptRows are the calls of one tenant.
type AttemptRows interface {
	// FinishAttempts writes how attempts ended. One that is known to be accepted stays so, and keeps its first external id.
	FinishAttempts(ctx context.Context, endings []Ending) error
	// LapseAttempts marks attempts whose worker is gone UNKNOWN and returns how long ago each call started, by message.
	LapseAttempts(ctx context.Context, rows []Due) (map[uuid.UUID]time.Duration, error)
	// CallsByIDs returns attempts by their ids; missing ones are absent.
	CallsByIDs(ctx context.Context, ids []uuid.UUID) ([]Called, error)
	// CallsByExternalIDs returns the attempts that providers know by these ids; missing ones are absent.
	CallsByExternalIDs(ctx context.Context, refs []Ref) ([]Called, error)
	// AttemptsByMessageIDs returns the attempts of messages, in order.
	AttemptsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]Attempt, error)
	// UncertainMessages returns those of the messages that have an attempt whose outcome is not known.
	UncertainMessages(ctx context.Context, messages []uuid.UUID) ([]uuid.UUID, error)
	// LastRecipient returns the address of the message's last call, empty when there was none.
	LastRecipient(ctx context.Context, message uuid.UUID) (string, error)
}
