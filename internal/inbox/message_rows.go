package inbox

import (
	"context"

	"github.com/google/uuid"
)

// ExternalRef names a message by the provider's id, which is unique within its channel account only.
type ExternalRef struct {
	ChannelAccountID uuid.UUID
	ExternalID       string
}

// MessageRows are the stored messages of one tenant. No read loads Raw except MessageRaws.
type MessageRows interface {
	// InsertMessages stores new messages. An external id that is stored already is a raced unique key: the transaction runs again.
	InsertMessages(ctx context.Context, messages []Message) error
	// MessagesByIDs returns the messages sorted by id; missing ones are absent.
	MessagesByIDs(ctx context.Context, ids []uuid.UUID) ([]Message, error)
	// LockMessages is MessagesByIDs and holds the rows until the transaction ends. Their conversations are locked before.
	LockMessages(ctx context.Context, ids []uuid.UUID) ([]Message, error)
	// MessagesByExternalIDs returns the messages that the provider knows by these ids; missing ones are absent.
	MessagesByExternalIDs(ctx context.Context, refs []ExternalRef) ([]Message, error)
	// MessageRetries returns, for each of the messages that was retried, the message that retries it.
	MessageRetries(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]uuid.UUID, error)
	// MessageRaws returns the bytes of those messages that came in, as they came.
	MessageRaws(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]byte, error)
	// BumpMessages adds one to the version of each message and returns the versions after that.
	BumpMessages(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
	// MessagePages returns at most query.Limit messages of each of the conversations, in order of conversation and seq.
	MessagePages(ctx context.Context, query MessageQuery) ([]Message, error)
}
