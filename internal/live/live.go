package live

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Source reads what happened and who may see it; package db implements it.
type Source interface {
	// Events returns at most limit events after the given number in order, the tenant's head, and what the wanted ones point to; a nil
	// want wants none.
	Events(ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want) (inbox.EventPage, error)
	// Snapshot returns what the events point to, as of now and as far as is said.
	Snapshot(ctx context.Context, tenant inbox.TenantID, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error)
	// Heads returns the place of the newest event of each of the tenants.
	Heads(ctx context.Context, tenants []inbox.TenantID) (map[inbox.TenantID]inbox.Cursor, error)
	// Access returns the actor with what he may do now, or an Unauthenticated error when he may do nothing any more.
	Access(ctx context.Context, actor inbox.Actor) (inbox.Actor, error)
}

// Config says how a Hub works. Zero values take the defaults.
type Config struct {
	Source  Source
	Log     *slog.Logger
	Readers int           // tenants read at the same time; 8
	Poll    time.Duration // how often heads are asked for in case a wake was lost; 2 s
	Linger  time.Duration // how long a tenant without subscribers is still followed, for those that come back; 30 s
	Stall   time.Duration // how long a subscriber may take nothing before it is given up; 10 s
	History int64         // a cursor further behind than this many events is too old; 50,000
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	set(&c.Readers, 8)
	set(&c.Poll, 2*time.Second)
	set(&c.Linger, 30*time.Second)
	set(&c.Stall, 10*time.Second)
	set(&c.History, 50_000)
	return c
}

func set[T ~int | ~int64](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

// Item is an event on its way to subscribers. It is shared and must not be changed.
type Item struct {
	inbox.Event
	Epoch  string
	loaded atomic.Pointer[loading]
}

// loading is what was read at one moment for some items.
type loading struct {
	snapshot *inbox.Snapshot
	moment   *Moment
}

func loadingOf(snapshot *inbox.Snapshot) *loading { return &loading{snapshot, &Moment{}} }

// Moment stands for the moment as of which a Snapshot was read: two are the same (by ==) when they are of the same reading. It keeps nothing of
// what was read.
type Moment struct{ _ byte } // of no size, all would have one address

// Cursor returns the place in the stream after this item.
func (i *Item) Cursor() string { return inbox.Cursor{Epoch: i.Epoch, Seq: i.Seq}.String() }

// Snapshot returns what the event points to, as of a moment at or after it. For an item that an audience wants it is never nil, and reaches as
// far as the audience needs.
func (i *Item) Snapshot() *inbox.Snapshot {
	if loaded := i.loaded.Load(); loaded != nil {
		return loaded.snapshot
	}
	return nil
}

// Moment returns as of when the Snapshot is; nil when there is none. While an item is looked at and taken, both stay.
func (i *Item) Moment() *Moment {
	if loaded := i.loaded.Load(); loaded != nil {
		return loaded.moment
	}
	return nil
}

// held returns a copy that keeps what the item points to now, or nil when less than is needed is loaded. Meanwhile the reader lets go of what its
// old items point to, and others load more of it: who may see an item must be told from that of which he is shown.
func (i *Item) held(need inbox.Reach) *Item {
	loaded := i.loaded.Load()
	if loaded == nil || !reaches(loaded.snapshot, need) {
		return nil
	}
	held := &Item{Event: i.Event, Epoch: i.Epoch}
	held.loaded.Store(loaded)
	return held
}

func reaches(snapshot *inbox.Snapshot, need inbox.Reach) bool {
	return snapshot != nil && snapshot.Reach.Holds(need)
}

// View is the form in which an audience shows an item to one of its members. Audiences give the values above Gone their meaning.
type View uint8

// The views that mean something here.
const (
	Nothing View = iota // the item is not for this member
	Gone                // the member may see nothing here any more: the subscription ends
)

// Audience is what a group of subscribers asks for. Implementations are pointers, safe for concurrent use, and fast: they are asked
// for every event and every member, and do no I/O.
type Audience interface {
	// Wants reports whether the event may concern any member.
	Wants(e *inbox.Event) bool
	// Needs returns how much of what the wanted events point to is looked at. It is always the same.
	Needs() inbox.Reach
	// View returns how a member who is the actor sees the item.
	View(item *Item, actor inbox.Actor) View
}

// Flusher is an Audience whose takers gather what they take: Flush is called when all live members have been offered a batch.
type Flusher interface{ Flush() }

// Taker receives what one subscriber is to get. One goroutine at a time calls it, but for CaughtUp.
type Taker interface {
	// Take passes on an item. It never waits for the subscriber; it returns false, and has taken nothing, when its buffer is full. It is
	// then not called again before Wait has returned nil.
	Take(item *Item, view View) bool
	// Flush sends what was taken and may have stayed with the taker. It follows the last Take of a batch, and comes before Wait.
	Flush()
	// Wait returns when there is room for several items, with ctx's error, or with ErrNotShown.
	Wait(ctx context.Context) error
	// CaughtUp tells that everything up to the cursor was offered and that what follows is news. The reader may already be offering news, or
	// ending the subscription, beside it.
	CaughtUp(cursor string)
	// Recheck returns an error when the actor, whose access was just read, may not hold this subscription.
	Recheck(ctx context.Context, actor inbox.Actor) error
	// End tells why nothing follows, and where the stream stands. It is not called after stop.
	End(reason Reason, cursor string)
}

// Reason tells why a subscription ended.
type Reason string

// The reasons. All but Over ask the subscriber to query afresh.
const (
	Over          Reason = ""               // the process ends, or the subscriber may not listen any more
	CursorTooOld  Reason = "CURSOR_TOO_OLD" // history does not reach back so far
	CursorUnknown Reason = "CURSOR_UNKNOWN" // unreadable, of another tenant, or of an earlier epoch
	TooSlow       Reason = "TOO_SLOW"       // it took nothing for too long
	NotShown      Reason = "NOT_SHOWN"      // its taker could not show it an item
)

// ErrNotShown is what Taker.Wait returns when the item that was not taken cannot be shown and is not to be offered again.
var ErrNotShown = errors.New("an item cannot be shown")
