package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// Store opens transactions of one tenant. It is the only way to a tenant's rows; package db implements it.
type Store interface {
	// InTenant runs fn in one read-committed transaction of the tenant and commits. The events that fn recorded are numbered and
	// written as its last act; subscribers are woken after the commit. A serialization failure, a deadlock or a raced unique
	// key runs fn again from the start, so fn changes nothing outside the transaction. It returns fn's error unchanged, after
	// a rollback, or an Unavailable error when the database cannot be reached.
	InTenant(ctx context.Context, tenant TenantID, fn func(Tx) error) error
	// ReadTenant runs fn on one unchanging, read-only snapshot of the tenant's rows.
	ReadTenant(ctx context.Context, tenant TenantID, fn func(Tx) error) error
}

// Tx is one transaction of one tenant. It is not safe for concurrent use and not valid after fn has returned. The methods stand
// in the interface of their noun, each next to the use cases that call it.
type Tx interface {
	Recorder
	ConversationRows
	MessageRows
	MarkRows
	AttachmentRows
	JournalRows
	PersonRows
	RouteRows
	Savepoints
	ContactRows
	AgentRows
	TeamRows
	ChannelAccountRows
	IdempotencyRows
	ReadCursorRows
	UnreadRows
	TenantRows
	Clock
	// Last says that the next call is the last that reads: a transaction of ReadTenant then ends in the same round trip, and any call after that
	// fails. One of InTenant takes no notice.
	Last()
}

// Clock tells the database's time.
type Clock interface {
	// Now returns the time by which leases, due times and wakes are decided, as of the transaction's beginning.
	Now(ctx context.Context) (time.Time, error)
}

// Savepoints let a part of a transaction fail alone.
type Savepoints interface {
	// Savepoint runs fn; when it fails because of the data (Invalid, or Conflict after the race was retried), only what fn did is
	// undone, its events included, and the transaction can go on. After any other error the transaction is lost and the caller
	// returns that error.
	Savepoint(ctx context.Context, fn func() error) error
}

// Recorder takes what every change leaves behind.
type Recorder interface {
	// Record adds events; the store numbers them at commit in the order in which they were recorded.
	Record(events ...Event)
	// Audit writes lines of the audit log in this transaction.
	Audit(ctx context.Context, entries ...AuditEntry) error
	// Head returns the number of the tenant's newest committed event and the epoch of its numbering, as this transaction sees them.
	Head(ctx context.Context) (seq int64, epoch string, err error)
}

// ReceiptApplier applies providers' receipts inside ingest's transaction. outbound implements it, because what a receipt leads to is
// decided there.
type ReceiptApplier interface {
	// MatchReceipts takes the locks that come first in the lock order and finds what the receipts of one tenant's items are about. It
	// changes nothing yet.
	MatchReceipts(ctx context.Context, tx Tx, now time.Time, receipts []Receipt) (MatchedReceipts, error)
}

// MatchedReceipts are receipts whose messages are known, as far as they can be, within one transaction.
type MatchedReceipts interface {
	// Conversations returns those that Apply is likely to change. Whoever locks others too locks them all together before.
	Conversations() []uuid.UUID
	// Apply applies the receipts and returns, for each, whether it changed anything (Applied) or repeated what was known (Duplicate). A
	// receipt whose message is not known yet is parked and counts as Applied.
	Apply(ctx context.Context) ([]Outcome, error)
	// Announce tells the operator what came of it. It is called once the transaction is committed.
	Announce(ctx context.Context)
}

// Receipt is a provider's report about a message we sent, with the channel account it came through.
type Receipt struct {
	ChannelAccountID uuid.UUID
	channel.StatusChanged
}

// Outcome is what became of a journalled item.
type Outcome string

// The outcomes of an item; per channel account and hour, what was received is the sum of them.
const (
	Applied     Outcome = "APPLIED"
	Duplicate   Outcome = "DUPLICATE"
	Quarantined Outcome = "QUARANTINED"
)
