package graph

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const (
	// viewCount is the one view of a change that a viewer's numbers may depend on.
	viewCount = live.Gone + 1
	// countTimeout bounds one reading of numbers.
	countTimeout = 10 * time.Second
	// countStall is how long a full sink may refuse the newest numbers before its subscriber is given up.
	countStall = 10 * time.Second
	// Between two readings, this many times what the last one took passes: numbers must not keep a connection busy by themselves.
	countRest = 4
	// maxChanged is how many changed conversations one item tells; the others follow in the next.
	maxChanged = 100
)

// countTopic is a topic of numbers: only the newest matter, and each viewer has his own.
type countTopic interface {
	topic
	Wants(e *inbox.Event) bool
	View(item *live.Item, actor inbox.Actor) live.View
	// shared names the numbers that are read together, for all viewers of the tenant.
	shared() string
	// read returns for each viewer the item that shows his numbers, in one go. The conversations are those that may have changed for any
	// of them.
	read(ctx context.Context, s *Subscriptions, tenant inbox.TenantID, viewers []countViewer) ([]any, error)
}

// countViewer is whose numbers are read, and as of where.
type countViewer struct {
	visibility inbox.Visibility
	cursor     inbox.Cursor
	changed    []uuid.UUID // the conversations that changed for him
}

type tallyKey struct {
	tenant inbox.TenantID
	shared string
}

// tally keeps the numbers of all viewers of a tenant that are counted alike. While a reading runs, changes gather for the next one. It
// is a live.Audience.
type tally struct {
	countTopic
	subscriptions *Subscriptions
	key           tallyKey
	members       int // guarded by Subscriptions.mu

	mu      sync.Mutex
	dirty   map[*counted]struct{} // whose numbers may have changed
	reading bool
}

// count starts a subscription of numbers.
func (s *Subscriptions) count(
	ctx context.Context, actor inbox.Actor, topic countTopic, after *string, form *shape, sink Sink,
) (stop func(), err error) {
	t := s.tally(tallyKey{tenant: actor.Tenant(), shared: topic.shared()}, topic)
	c := &counted{tally: t, shape: form, sink: sink, actor: actor, changed: map[uuid.UUID]struct{}{}}
	end, err := s.hub.Subscribe(ctx, live.Request{Actor: actor, Audience: t, After: after, Taker: c})
	if err != nil {
		c.leave()
		return nil, err
	}
	context.AfterFunc(ctx, c.leave)
	return func() { end(); c.leave() }, nil
}

// tally returns the tally of the key, with one member more.
func (s *Subscriptions) tally(key tallyKey, topic countTopic) *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tallies[key]
	if t == nil {
		t = &tally{countTopic: topic, subscriptions: s, key: key, dirty: map[*counted]struct{}{}}
		s.tallies[key] = t
	}
	t.members++
	return t
}

// mark tells that the member's numbers may have changed.
func (t *tally) mark(c *counted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirty[c] = struct{}{}
}

// Flush implements live.Flusher: it begins a reading for those who are marked, unless one runs.
func (t *tally) Flush() {
	t.mu.Lock()
	begin := !t.reading && len(t.dirty) > 0
	t.reading = t.reading || begin
	t.mu.Unlock()
	if begin {
		go t.run()
	}
}

// run reads and sends until nothing is left to tell.
func (t *tally) run() {
	for {
		members := t.take()
		if members == nil {
			return
		}
		begun := time.Now()
		t.tell(members)
		rest := time.NewTimer(min(countRest*time.Since(begun), time.Second))
		<-rest.C
	}
}

// take returns whose numbers are to be read; nil ends the reading.
func (t *tally) take() []*counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.dirty) == 0 {
		t.reading = false
		return nil
	}
	members := make([]*counted, 0, len(t.dirty))
	for c := range t.dirty {
		members = append(members, c)
	}
	clear(t.dirty)
	return members
}

// tell reads the members' numbers in one go and sends each his own. What cannot be read or sent stays to be told.
func (t *tally) tell(members []*counted) {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	var ready []*counted
	var viewers []countViewer
	for _, c := range members {
		if viewer, ok := c.viewer(); ok {
			ready, viewers = append(ready, c), append(viewers, viewer)
		}
	}
	if len(ready) == 0 {
		return
	}
	items, err := t.read(ctx, t.subscriptions, t.key.tenant, viewers)
	if err != nil {
		t.subscriptions.logger.Warn("numbers cannot be read; trying again", "tenant", t.key.tenant, "error", err)
		time.Sleep(showAgainIn)
	}
	for i, c := range ready {
		if err != nil || !c.send(ctx, items[i], viewers[i]) {
			t.again(c)
		}
	}
}

// again keeps the member for the next reading, unless it has left.
func (t *tally) again(c *counted) {
	if c.gone() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirty[c] = struct{}{}
}

func (s *Subscriptions) leaveTally(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.members--; t.members == 0 && s.tallies[t.key] == t {
		delete(s.tallies, t.key)
	}
}

// counted is one viewer's subscription of numbers. It is a live.Taker that takes everything: of numbers, only the newest are kept.
type counted struct {
	tally *tally
	shape *shape
	sink  Sink

	mu      sync.Mutex // also held while sending, so that nothing follows Complete
	actor   inbox.Actor
	cursor  inbox.Cursor
	caught  bool
	changed map[uuid.UUID]struct{}
	refused time.Time // since when the sink has been full
	ended   bool
	left    bool
}

// Take implements live.Taker.
func (c *counted) Take(item *live.Item, _ live.View) bool {
	c.mu.Lock()
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

// End implements live.Taker.
func (c *counted) End(reason live.Reason, cursor string) {
	c.mu.Lock()
	if !c.ended && !c.left {
		c.ended = true
		if reason != live.Over {
			c.shape.sendResync(c.sink, reason, cursor)
		}
		c.sink.Complete()
	}
	c.mu.Unlock()
	c.leave()
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

// viewer returns as whom and where the numbers are to be read.
func (c *counted) viewer() (viewer countViewer, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.left || !c.caught {
		return viewer, false
	}
	viewer = countViewer{visibility: c.actor.Visibility(), cursor: c.cursor}
	for id := range c.changed {
		if viewer.changed = append(viewer.changed, id); len(viewer.changed) == maxChanged {
			break
		}
	}
	return viewer, true
}

// send sends the numbers. It returns false when they, or further changes, are still to be told.
func (c *counted) send(ctx context.Context, item any, viewer countViewer) bool {
	payload, whole := c.shape.render(ctx, &rendering{item: item})
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended || c.left:
		return true
	case !whole:
		return false
	case !c.sink.Next(payload):
		if c.refused.IsZero() {
			c.refused = time.Now()
		}
		if time.Since(c.refused) > countStall {
			c.ended = true
			c.shape.sendResync(c.sink, live.TooSlow, viewer.cursor.String())
			c.sink.Complete()
		}
		return c.ended
	}
	c.refused = time.Time{}
	for _, id := range viewer.changed {
		delete(c.changed, id)
	}
	return len(c.changed) == 0
}
