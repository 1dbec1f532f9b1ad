package graph

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const (
	// countStall is how long a full sink may refuse the newest numbers before its subscriber is given up.
	countStall = 10 * time.Second
	// maxChanged is how many changed conversations one item tells; the others follow in the next.
	maxChanged = 100
)

// counted is one viewer's subscription of numbers. It is a live.Taker that takes everything: of numbers, only the newest are kept.
type counted struct {
	tally *tally
	shape *shape
	sink  Sink

	mu      sync.Mutex // also held while sending, so that nothing follows the end
	actor   inbox.Actor
	cursor  inbox.Cursor // after the newest change
	told    inbox.Cursor // after the newest change before those that are still to be told
	caught  bool
	changed map[uuid.UUID]struct{}
	refused time.Time // since when the sink has been full
	end     func()    // ends it in the hub; nil until it stands there
	ended   bool
	left    bool
}

// Take implements live.Taker.
func (c *counted) Take(item *live.Item, _ live.View) bool {
	c.mu.Lock()
	if c.told.Epoch == "" {
		c.told = inbox.Cursor{Epoch: item.Epoch, Seq: item.Seq - 1}
	}
	c.cursor = inbox.Cursor{Epoch: item.Epoch, Seq: item.Seq}
	if item.ConversationID != nil {
		c.changed[*item.ConversationID] = struct{}{}
	}
	caught := c.caught
	c.mu.Unlock()
	if caught {
		c.tally.mark(c)
	}
	return true
}

// Flush implements live.Taker: there is nothing to send before the numbers are read.
func (c *counted) Flush() {}

// Wait implements live.Taker.
func (c *counted) Wait(context.Context) error { return nil }

// CaughtUp implements live.Taker: the numbers are sent at once, and then after every change.
func (c *counted) CaughtUp(cursor string) {
	at, _ := inbox.ParseCursor(cursor)
	c.mu.Lock()
	if c.cursor.Epoch != at.Epoch || c.cursor.Seq < at.Seq {
		c.cursor = at
	}
	c.caught = true
	c.mu.Unlock()
	c.tally.mark(c)
	c.tally.Flush()
}

// Recheck implements live.Taker.
func (c *counted) Recheck(ctx context.Context, actor inbox.Actor) error {
	if err := c.tally.begin(ctx, c.tally.subscriptions, actor); err != nil {
		return err
	}
	c.mu.Lock()
	c.actor = actor
	caught := c.caught
	c.mu.Unlock()
	if caught {
		c.tally.mark(c)
	}
	return nil
}

// End implements live.Taker. It tells the end without the lock: the sink stops what has completed.
func (c *counted) End(reason live.Reason, cursor string) {
	defer c.leave()
	c.mu.Lock()
	over := c.ended || c.left
	c.ended = true
	c.mu.Unlock()
	if over {
		return
	}
	defer c.sink.Complete() // also after a panic
	if reason != live.Over {
		c.shape.sendResync(c.sink, reason, cursor)
	}
}

// entered keeps how to end the subscription in the hub, or ends it when it was given up meanwhile; ending twice is harmless.
func (c *counted) entered(end func()) {
	c.mu.Lock()
	c.end = end
	ended := c.ended
	c.mu.Unlock()
	if ended {
		end()
	}
}

// leave leaves the tally, once.
func (c *counted) leave() {
	c.mu.Lock()
	left := c.left
	c.left = true
	c.mu.Unlock()
	if !left {
		c.tally.subscriptions.leaveTally(c.tally)
	}
}

func (c *counted) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended || c.left
}

// viewer returns as whom and where the numbers are to be read, and takes what changed out of the subscription: what changes while
// they are read is told next.
func (c *counted) viewer() (viewer countViewer, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.left || !c.caught {
		return viewer, false
	}
	viewer = countViewer{visibility: c.actor.Visibility(), cursor: c.cursor}
	for _, id := range slices.SortedFunc(maps.Keys(c.changed), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		if len(viewer.changed) == maxChanged {
			viewer.cursor = c.told // not all is told by this item: who resumes from it must be told the rest
			break
		}
		viewer.changed = append(viewer.changed, id)
		delete(c.changed, id)
	}
	return viewer, true
}

// send sends the numbers. It returns false when they, or further changes, are still to be told.
func (c *counted) send(ctx context.Context, item any, viewer countViewer) (told bool) {
	payload, whole := c.shape.render(ctx, &rendering{item: item})
	told, stalled := c.pass(payload, whole, viewer)
	if stalled {
		c.giveUp(viewer)
	}
	return told
}

// pass hands the numbers to the sink; stalled tells that it has been full for too long.
func (c *counted) pass(payload []byte, whole bool, viewer countViewer) (told, stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended || c.left:
		return true, false
	case !whole:
		c.putBack(viewer)
		return false, false
	case !c.sink.Next(payload):
		c.putBack(viewer)
		if c.refused.IsZero() {
			c.refused = time.Now()
		}
		stalled = time.Since(c.refused) >= countStall
		return stalled, stalled
	}
	c.sink.Flush()
	c.refused, c.told = time.Time{}, viewer.cursor
	return len(c.changed) == 0, false
}

// unread puts back what was not told because the numbers could not be read.
func (c *counted) unread(viewer countViewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putBack(viewer)
}

func (c *counted) putBack(viewer countViewer) {
	for _, id := range viewer.changed {
		c.changed[id] = struct{}{}
	}
}

// giveUp ends the subscription, also in the hub, which does not know why it should.
func (c *counted) giveUp(viewer countViewer) {
	c.End(live.TooSlow, viewer.cursor.String())
	c.mu.Lock()
	end := c.end
	c.mu.Unlock()
	if end != nil {
		end()
	}
}
