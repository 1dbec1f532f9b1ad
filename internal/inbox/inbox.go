package inbox

import "time"

// Inbox holds the use cases of conversations. It is safe for concurrent use.
type Inbox struct {
	store Store
	clock func() time.Time
	timer SnoozeTimer
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

// now returns the time of a change as Postgres keeps it.
func (in *Inbox) now() time.Time { return in.clock().UTC().Truncate(time.Microsecond) }
