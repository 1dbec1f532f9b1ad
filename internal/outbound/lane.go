package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Road is a channel account as a road for messages: how to send on it and whether it is open.
type Road struct {
	Channel     inbox.Channel
	Provider    string
	ExternalRef string
	Settings    []byte
	Sealed      []byte // credentials
	Status      inbox.AccountStatus
	Failures    int  // transient failures in a row
	Open        bool // the breaker is open: nothing goes but probes
	Limited     bool // the provider asked to wait and the time is not over
	Hold        Hold // what its messages are said to wait for
	Now         time.Time
}

// shut returns why nothing may go now, its rate aside.
func (r Road) shut() Hold {
	switch {
	case r.Status != inbox.AccountActive:
		return HoldReauth
	case r.Open:
		return HoldBreaker
	case r.Limited:
		return HoldRateLimit
	}
	return HoldNone
}

// Breaker is the part of a lane that results change. It is locked when it is read.
type Breaker struct {
	Failures int
	OpenedAt *time.Time
}

// LaneChange is what a group of results does to a lane.
type LaneChange struct {
	Failures int
	Open     bool
	Pause    time.Duration // when it opens: until the first probe
	LimitFor time.Duration // greater than 0: the provider asked to wait that long
}

// LaneRows are the lanes of one tenant.
type LaneRows interface {
	// Road returns the account as a road, or a NotFound error.
	Road(ctx context.Context, account uuid.UUID) (Road, error)
	// TakeProbe reports whether the caller may send the one probe that is due, and sets the time of the next.
	TakeProbe(ctx context.Context, account uuid.UUID, pause time.Duration) (bool, error)
	// LockBreaker locks the lane, which it adds when it is missing. Lanes come before conversations in the order of locks.
	LockBreaker(ctx context.Context, account uuid.UUID) (Breaker, error)
	// ChangeLane writes the change to a lane that the caller has locked.
	ChangeLane(ctx context.Context, account uuid.UUID, change LaneChange) error
	// HoldLane says of the lane's messages what they wait for and reports whether that is new. With a patience it does so only when one of
	// them has been due for it.
	HoldLane(ctx context.Context, account uuid.UUID, hold Hold, patience time.Duration) (bool, error)
	// FreeLane ends the hold and reports whether it did; waiting counts from now. With a patience it does so only when none of the lane's
	// messages has been due for it.
	FreeLane(ctx context.Context, account uuid.UUID, hold Hold, patience time.Duration) (bool, error)
	// SetAccountStatus changes an account's status from was to is and reports whether it was so.
	SetAccountStatus(ctx context.Context, account uuid.UUID, was, is inbox.AccountStatus) (bool, error)
}
