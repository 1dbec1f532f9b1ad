package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// Mark is a reaction, edit or deletion by the contact; it changes how its target is shown.
type Mark struct {
	ID               uuid.UUID
	ChannelAccountID uuid.UUID
	ConversationID   uuid.UUID
	TargetExternalID string
	Kind             channel.Kind // KindReaction, KindEdit or KindDeletion
	Text             string       // the emoji (empty: taken back) or the edited text
	ExternalID       string
	Raw              []byte
	ProviderAt       *time.Time
	CreatedAt        time.Time
}

// MarkRows are the stored marks of one tenant.
type MarkRows interface {
	// InsertMarks stores new marks. An external id that is stored already is a raced unique key: the transaction runs again.
	InsertMarks(ctx context.Context, marks []Mark) error
	// MarksByTargets returns the newest mark of each kind of these messages, oldest first.
	MarksByTargets(ctx context.Context, targets []ExternalRef) ([]Mark, error)
}

// isMark reports whether an item of the kind marks another message instead of being one.
func isMark(kind channel.Kind) bool {
	return kind == channel.KindReaction || kind == channel.KindEdit || kind == channel.KindDeletion
}
