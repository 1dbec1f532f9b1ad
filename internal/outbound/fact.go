package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// FactKind is a kind of thing that can be known about a message.
type FactKind string

// The kinds of fact, from the least telling to the most.
const (
	FactPresumedFailed FactKind = "PRESUMED_FAILED" // given up while a call's outcome was unknown
	FactSent           FactKind = "SENT"
	FactFailed         FactKind = "FAILED"
	FactDelivered      FactKind = "DELIVERED"
	FactRead           FactKind = "READ"
)

// Fact is one thing known about a message. Of a kind only the earliest is kept.
type Fact struct {
	MessageID uuid.UUID
	Kind      FactKind
	At        time.Time
	Code      string
	Reason    string
}

// before reports whether f is kept rather than g, of the same kind. It is a total order, so that arrival decides nothing.
func (f Fact) before(g Fact) bool {
	if !f.At.Equal(g.At) {
		return f.At.Before(g.At)
	}
	if f.Code != g.Code {
		return f.Code < g.Code
	}
	return f.Reason < g.Reason
}

// Ref names a message by what a provider calls it within one channel account.
type Ref struct {
	ChannelAccountID uuid.UUID
	ExternalID       string
}

// Parked is a receipt whose message is not known yet.
type Parked struct {
	Ref
	Kind   FactKind
	At     time.Time
	Code   string
	Reason string
	Class  channel.Class
}

// Delivered is an outbound message as far as delivery concerns it.
type Delivered struct {
	ID           uuid.UUID
	Seq          int64
	Status       inbox.MessageStatus
	Kind         channel.Kind
	Version      int64
	Conversation inbox.Conversation // the ids, status, team and assignee that an event tells; not locked
}

// NewFact names a fact that changed something: it is new, or earlier than the one of its kind that was known.
type NewFact struct {
	MessageID uuid.UUID
	Kind      FactKind
	First     bool // there was none of the kind before
}

// FactRows are the facts of one tenant.
type FactRows interface {
	// LockReceipts locks the external ids until the transaction ends, in one order for all, so that whoever attaches an id and
	// whoever brings a receipt for it look one after the other. Ids of a tenant may share a lock, so that many need few.
	LockReceipts(ctx context.Context, refs []Ref) error
	// InsertFacts keeps the facts, at most one a message and kind, and returns those that changed something.
	InsertFacts(ctx context.Context, now time.Time, facts []Fact) ([]NewFact, error)
	// FactsByMessageIDs returns everything known about the messages.
	FactsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]Fact, error)
	// ParkFacts keeps receipts whose message is not known, at most one an id and kind, and returns those that changed something.
	ParkFacts(ctx context.Context, facts []Parked) ([]Parked, error)
	// TakeParked removes and returns the receipts parked under the ids, which the caller has locked.
	TakeParked(ctx context.Context, refs []Ref) ([]Parked, error)
	// KnownParked returns parked receipts whose id belongs to a message by now.
	KnownParked(ctx context.Context, most int) ([]Parked, error)
	// DropParked gives up receipts that have been parked for the age, and returns how many.
	DropParked(ctx context.Context, age time.Duration) (int64, error)
	// HoldConversations locks conversations as LockConversations does, and returns nothing of them.
	HoldConversations(ctx context.Context, ids []uuid.UUID) error
	// LockDeliveries locks outbound messages and returns them sorted by id; missing ones are absent. Conversations come before.
	LockDeliveries(ctx context.Context, messages []uuid.UUID) ([]Delivered, error)
	// AttachExternalIDs gives messages that have none the provider's id.
	AttachExternalIDs(ctx context.Context, ids map[uuid.UUID]string) error
	// UpdateDeliveries writes how far messages have come, gives those that have none the provider's id, and raises their versions by one.
	UpdateDeliveries(ctx context.Context, deliveries map[uuid.UUID]Delivery, externalIDs map[uuid.UUID]string) error
	// InvalidateAddresses marks contacts' addresses as not reachable, each with the reason.
	InvalidateAddresses(ctx context.Context, now time.Time, reasons map[string]string) error
}
