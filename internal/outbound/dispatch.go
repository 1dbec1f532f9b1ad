package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// State is where the unfinished sending of a message stands.
type State string

// The states of a Dispatch. A message that was accepted or has failed for good has no Dispatch.
const (
	Ready   State = "READY"   // to be sent when it is due
	Sending State = "SENDING" // a call is under way until its lease ends
	Unknown State = "UNKNOWN" // a call ended without an answer; its receipt has until due to arrive
)

// Hold is why the READY rows of a lane wait although their time has come.
type Hold string

// The holds.
const (
	HoldNone      Hold = ""
	HoldBreaker   Hold = "BREAKER"
	HoldRateLimit Hold = "RATE_LIMIT"
	HoldReauth    Hold = "REAUTH"
)

// holdRecipient marks a row, never a lane, whose recipient gets too much from the account. It and what stands behind it show HoldRateLimit.
const holdRecipient Hold = "RECIPIENT"

// Dispatch is the unfinished sending of one message.
type Dispatch struct {
	MessageID        uuid.UUID
	ChannelAccountID uuid.UUID
	ConversationID   uuid.UUID
	Seq              int64
	State            State
	DueAt            time.Time
	Attempt          int // the fence: only the holder of the newest attempt writes its result
	Tries            int // the budget: attempts that count against the retry table
	Crashes          int // calls that ended with their worker
	AuthRetried      bool
	Hold             Hold
	HeldSince        *time.Time
	Until            time.Time // when it is looked at again: DueAt, or the end of what holds its lane
	Recipient        string    // the address a notification named; empty: the contact's own
	QueuedAt         time.Time
	ExpiresAt        time.Time
}

// Due is one row that a claim found: claimed, when AttemptID is set, or to be settled for another reason.
type Due struct {
	MessageID      uuid.UUID
	ConversationID uuid.UUID
	State          State // as it was found
	Expired        bool
	Shut           bool // free text, and the reply window has closed
	Attempt        int  // of the call to make; for a row to settle, the last one made
	AttemptID      uuid.UUID
	Tries          int
	Crashes        int
	AuthRetried    bool
	Recipient      string
	Kind           channel.Kind
	Text           string
	Content        channel.Content
	ReplyTo        string
	OnUnknown      inbox.OnUnknown
}

// Step is what becomes of a dispatch that goes on: its next state, when it is due, and its counters.
type Step struct {
	MessageID   uuid.UUID
	Attempt     int // the fence
	State       State
	Wait        time.Duration // until it is due
	Tries       int
	Crashes     int
	AuthRetried bool
	Hold        Hold // what holds it by now: its lane, or its recipient
	Passable    bool // later messages of the conversation wait 30 s at most from now on
}

// ClaimLimits are the sizes of one claim.
type ClaimLimits struct {
	Windowed bool          // whether the channel has a reply window
	Lease    time.Duration // how long a claimed row is the caller's
	Call     time.Duration // how long a call may take
}

// DispatchRows are the unfinished sendings of one tenant.
type DispatchRows interface {
	// InsertDispatches queues messages, due at once and given up after the lifetime. Their conversations are locked before.
	InsertDispatches(ctx context.Context, lifetime time.Duration, dispatches []Dispatch) error
	// Claim takes at most as many due rows of the lane as it is given attempt ids, writes their attempts, and returns them together
	// with due rows of other states.
	Claim(ctx context.Context, account uuid.UUID, attempts []uuid.UUID, limits ClaimLimits) ([]Due, error)
	// Overdue returns due rows of the lane that need settling whether or not the lane may send.
	Overdue(ctx context.Context, account uuid.UUID, most int) ([]Due, error)
	// LockDispatches locks the rows and returns them sorted by message; missing ones are absent. Their messages are locked before.
	LockDispatches(ctx context.Context, messages []uuid.UUID) ([]Dispatch, error)
	// DispatchesByIDs returns the rows with what holds their lanes; missing ones are absent.
	DispatchesByIDs(ctx context.Context, messages []uuid.UUID) ([]Dispatch, error)
	// StepDispatches moves rows on, except those that have another attempt by now. What goes on READY and is neither held nor to be passed has not
	// been called, and waits as it did before.
	StepDispatches(ctx context.Context, steps []Step) error
	// DeleteDispatches removes rows.
	DeleteDispatches(ctx context.Context, messages []uuid.UUID) error
	// CallNext lets the first waiting row of each conversation, which the caller has locked, be looked at: one before it is finished, or
	// may be passed from a time on.
	CallNext(ctx context.Context, conversations []uuid.UUID) error
	// OrderAgain lets what stands behind rows that were called before and are due wait for them again, which take their places in the queue, at most
	// so many rows, and returns how many.
	OrderAgain(ctx context.Context, account uuid.UUID, hold Hold, most int) (int, error)
	// DownTooLong returns rows that an open breaker has kept for the patience.
	DownTooLong(ctx context.Context, account uuid.UUID, patience time.Duration, most int) ([]Due, error)
	// NextDue returns after what time the lane, which was looked at then, has to be looked at again; ok is false when nothing waits.
	NextDue(ctx context.Context, account uuid.UUID, looked time.Time) (wait time.Duration, ok bool, err error)
}
