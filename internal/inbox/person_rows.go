package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// PersonRows are the contacts of one tenant as ingest and triggers find, make and change them. Contacts come before conversations in
// the lock order.
type PersonRows interface {
	// IdentitiesByValues returns the identities that have one of the given kinds and values; missing ones are absent.
	IdentitiesByValues(ctx context.Context, identities []Identity) ([]Identity, error)
	// InsertContacts stores new contacts without their identities.
	InsertContacts(ctx context.Context, contacts []Contact) error
	// InsertIdentities stores new identities. One that exists already is a raced unique key: the transaction runs again.
	InsertIdentities(ctx context.Context, identities []Identity, at time.Time) error
	// LockContacts returns the contacts sorted by id, without identities, and holds them until the transaction ends.
	LockContacts(ctx context.Context, ids []uuid.UUID) ([]Contact, error)
	// UpdateContacts writes Name and Version of the contacts, which the caller has locked.
	UpdateContacts(ctx context.Context, contacts []Contact) error
	// ValidateIdentities forgets that these identities could not be reached.
	ValidateIdentities(ctx context.Context, identities []Identity) error
}

// Pair is a contact on a channel account.
type Pair struct {
	ContactID        uuid.UUID
	ChannelAccountID uuid.UUID
}

// Routing says where the conversations of a channel account go, and the tenant's policy for those that were resolved.
type Routing struct {
	TeamID              *uuid.UUID
	ReopenWithinDays    int
	ReopenKeepsAssignee bool
}

// Known is what is stored under a provider's id: a message, or a mark, which has no message of its own.
type Known struct {
	MessageID      *uuid.UUID
	ConversationID uuid.UUID
}

// RouteRows are where an inbound message belongs.
type RouteRows interface {
	// Routings returns the routing of each of the channel accounts that exist.
	Routings(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]Routing, error)
	// KnownExternalIDs returns what is stored already under the providers' ids.
	KnownExternalIDs(ctx context.Context, refs []ExternalRef) (map[ExternalRef]Known, error)
	// NewestConversations returns, of each pair that has any, the active conversation or else the newest resolved one.
	NewestConversations(ctx context.Context, pairs []Pair) ([]uuid.UUID, error)
}
