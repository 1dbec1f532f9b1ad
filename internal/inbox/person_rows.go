package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// PersonRows are the contacts of one tenant as ingest and triggers find, make and change them. Contacts come before conversations in
// the lock order.
type PersonRows interface {
	// InsertContacts stores new contacts without their identities.
	InsertContacts(ctx context.Context, contacts []Contact) error
	// InsertIdentities stores new identities. One that exists already is a raced unique key: the transaction runs again.
	InsertIdentities(ctx context.Context, identities []Identity, at time.Time) error
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

// Arriving names what messages on their way in may meet in the inbox.
type Arriving struct {
	Refs     []ExternalRef // under which they will be stored
	Senders  []Identity    // Kind and Value of each name of those who wrote them
	Accounts []uuid.UUID   // the channel accounts they came to
	Others   []uuid.UUID   // conversations that the caller is going to change besides
}

// Standing is what of that is there.
type Standing struct {
	Known      map[ExternalRef]Known
	Identities []Identity // of the senders
	Contacts   []Contact  // those identities', without identities
	// Conversations are the newest of each of these contacts on each of the accounts (the active one or else the one created last), and the
	// others. They are in the order of their ids.
	Conversations []Conversation
}

// RouteRows are where an inbound message belongs.
type RouteRows interface {
	// LockStanding looks for everything that messages may meet, in one round trip or two. Contacts and then conversations are locked until the
	// transaction ends, each in the order of their ids; what is missing is absent.
	LockStanding(ctx context.Context, arriving Arriving) (Standing, error)
	// Routings returns the routing of each of the channel accounts that exist.
	Routings(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]Routing, error)
	// KnownExternalIDs returns what is stored already under the providers' ids.
	KnownExternalIDs(ctx context.Context, refs []ExternalRef) (map[ExternalRef]Known, error)
}
