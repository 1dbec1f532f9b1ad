package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// JournalItem is one item of an authentic webhook and what became of it.
type JournalItem struct {
	ID               uuid.UUID
	ChannelAccountID uuid.UUID
	Provider         string
	Key              string
	Kind             ItemKind
	Raw              []byte // nil for a Duplicate: the first delivery holds the bytes
	Outcome          Outcome
	Reason           string // why it is Quarantined
	ReceivedAt       time.Time
	ReplayedAt       *time.Time
}

// ItemKind is what an item reports.
type ItemKind string

// The kinds of item.
const (
	ItemMessage    ItemKind = "MESSAGE" // also a reaction, edit or deletion; Key is its external id
	ItemReceipt    ItemKind = "RECEIPT"
	ItemNotice     ItemKind = "NOTICE"
	ItemUnreadable ItemKind = "UNREADABLE"
)

// LedgerLine is the balance of one channel account and hour: Received = Applied + Duplicate + Quarantined.
type LedgerLine struct {
	ChannelAccountID uuid.UUID
	Hour             time.Time
	Received         int64
	Applied          int64
	Duplicate        int64
	Quarantined      int64
	Missing          int64 // items journalled as an applied message that neither a message nor a mark stands for
}

// Balanced reports whether every item that was received is accounted for, and every message that was applied is there.
func (l LedgerLine) Balanced() bool {
	return l.Received == l.Applied+l.Duplicate+l.Quarantined && l.Missing == 0
}

// JournalRows are the webhook journal of one tenant.
type JournalRows interface {
	// InsertJournal stores what became of the items.
	InsertJournal(ctx context.Context, items []JournalItem) error
	// LockQuarantined returns at most the given number of QUARANTINED items, oldest first, that were not replayed at or after the
	// given time, and holds them until the transaction ends.
	LockQuarantined(ctx context.Context, most int, before time.Time) ([]JournalItem, error)
	// SettleJournal writes Outcome, Reason, Kind and Key of items that were replayed now; a Duplicate loses its bytes.
	SettleJournal(ctx context.Context, items []JournalItem, now time.Time) error
	// Ledger returns the balance of every account and hour in which an item arrived at or after since and before until.
	Ledger(ctx context.Context, since, until time.Time) ([]LedgerLine, error)
}
