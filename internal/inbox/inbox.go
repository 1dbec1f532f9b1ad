package inbox

import (
	"time"

	"github.com/google/uuid"
)

// Inbox holds the use cases of conversations. It is safe for concurrent use.
type Inbox struct {
	store Store
	clock func() time.Time
	timer SnoozeTimer
}

// SnoozeTimer rings when a snooze may have ended. jobs implements it; the truth stays in the conversation's row.
type SnoozeTimer interface {
	// WakeAt asks for Wake of the conversation and snooze at the given time. It is called after the commit and must not fail: a
	// ring that is lost is rung again by the sweep.
	WakeAt(tenant TenantID, conversation uuid.UUID, gen int64, at time.Time)
}

// New returns an Inbox on the store. The clock tells the time of changes; the store decides when a snooze is over.
func New(store Store, clock func() time.Time) *Inbox {
	return &Inbox{store: store, clock: clock, timer: noTimer{}}
}

// WithSnoozeTimer returns a copy of the Inbox that rings the timer for every snooze.
func (in *Inbox) WithSnoozeTimer(timer SnoozeTimer) *Inbox {
	with := *in
	with.timer = timer
	return &with
}

// noTimer leaves waking to the sweep.
type noTimer struct{}

func (noTimer) WakeAt(TenantID, uuid.UUID, int64, time.Time) {}

// now returns the time of a change as Postgres keeps it.
func (in *Inbox) now() time.Time { return in.clock().UTC().Truncate(time.Microsecond) }
