package graph

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const (
	// viewCount is the one view of a change that a viewer's numbers may depend on.
	viewCount = live.Gone + 1
	// countTimeout bounds one reading of numbers.
	countTimeout = 10 * time.Second
	// Between two readings, this many times what the last one took passes: numbers must not keep a connection busy by themselves.
	countRest = 4
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
	c.entered(end)
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

// Needs implements live.Audience: numbers are counted, whatever the events point to.
func (t *tally) Needs() inbox.Reach { return inbox.Reach{} }

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
	items, err := t.tryRead(ctx, viewers)
	if err != nil {
		t.subscriptions.logger.Warn("numbers cannot be read; trying again", "tenant", t.key.tenant, "error", err)
	}
	for i, c := range ready {
		if err != nil {
			c.unread(viewers[i])
			t.again(c)
		} else if !t.trySend(ctx, c, items[i], viewers[i]) {
			t.again(c)
		}
	}
}

// tryRead is read, with a panic as an error: nobody else would catch it.
func (t *tally) tryRead(ctx context.Context, viewers []countViewer) (items []any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = recovered(ctx, cause)
		}
	}()
	return t.read(ctx, t.subscriptions, t.key.tenant, viewers)
}

// trySend is counted.send, with a panic as numbers that are still to be told: the others are sent theirs.
func (t *tally) trySend(ctx context.Context, c *counted, item any, viewer countViewer) (told bool) {
	defer func() {
		if cause := recover(); cause != nil {
			about := append([]any{"tenant", t.key.tenant}, fault.Panicked(cause).Attributes()...)
			t.subscriptions.logger.Error("numbers cannot be sent; trying again", about...)
			c.unread(viewer)
		}
	}()
	return c.send(ctx, item, viewer)
}

// again tells the member his numbers a little later, unless he has left by then.
func (t *tally) again(c *counted) {
	time.AfterFunc(showAgainIn, func() {
		if !c.gone() {
			t.mark(c)
			t.Flush()
		}
	})
}

func (s *Subscriptions) leaveTally(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.members--; t.members == 0 && s.tallies[t.key] == t {
		delete(s.tallies, t.key)
	}
}
