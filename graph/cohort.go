package graph

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/wire"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// keptRenderings is how many renderings a cohort keeps: those of the batch that is being offered, and for those that resume soon after
// each other; all cohorts together keep maxKept bytes.
const keptRenderings = 64

// itemTopic is a topic whose items many subscribers may share.
type itemTopic interface {
	topic
	Wants(e *inbox.Event) bool
	View(item *live.Item, actor inbox.Actor) live.View
	// reach returns how much of what its events point to the topic needs, where so much is asked of that to which conversations point.
	reach(asked inbox.Beside) inbox.Reach
	// show returns the item of the field's union that the view shows.
	show(ctx context.Context, c *cohort, item *live.Item, view live.View) (any, error)
}

// cohort is the subscribers that ask for the same in the same words. It is a live.Audience.
type cohort struct {
	itemTopic
	*shape
	key     cohortKey
	needs   inbox.Reach
	members int // guarded by Subscriptions.mu

	kept [keptRenderings]slot // each in that of its number; a newer one takes the place of an older one
}

// renderedKey names an item and how it is shown. A database that lost its last commits gives their numbers to other events, for a while under
// the same epoch: when it happened and what it is about tell them apart. What stands beside the event is as of the moment as of which it was
// decided who may see it: what was rendered at another moment is not given to him.
type renderedKey struct {
	epoch   string
	seq, at int64
	view    live.View
	about   [2]uuid.UUID
	moment  *live.Moment
}

func renderedAs(item *live.Item, view live.View) renderedKey {
	return renderedKey{
		epoch: item.Epoch, seq: item.Seq, at: item.At.UnixNano(), view: view, about: [2]uuid.UUID{value(item.ConversationID), value(item.MessageID)},
		moment: item.Moment(),
	}
}

// rendered is a response that is made once.
type rendered struct {
	key     renderedKey
	slot    *slot
	stands  *list.Element // on the shelf; nil when it does not, or not any more
	once    sync.Once
	payload []byte
	whole   bool // false: the item could not be shown
	large   bool // it is larger than anything that is sent, and so not kept
}

// join returns the cohort of the key, with one member more.
func (s *Subscriptions) join(key cohortKey, topic itemTopic, form *shape) *cohort {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cohorts[key]
	if c == nil {
		c = &cohort{itemTopic: topic, shape: form, key: key, needs: topic.reach(besideOf(form.operation))}
		s.cohorts[key] = c
	}
	c.members++
	return c
}

func (s *Subscriptions) leave(c *cohort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.members--; c.members == 0 && s.cohorts[c.key] == c {
		delete(s.cohorts, c.key)
		for i := range c.kept {
			s.shelf.remove(c.kept[i].Swap(nil))
		}
	}
}

// Needs implements live.Audience.
func (c *cohort) Needs() inbox.Reach { return c.needs }

// payload returns the response that shows the item in the view; it is rendered for the first who asks.
func (c *cohort) payload(item *live.Item, view live.View) *rendered {
	key := renderedAs(item, view)
	place := &c.kept[key.place()]
	r := place.Load()
	for r == nil || r.key != key {
		fresh := &rendered{key: key, slot: place}
		if place.CompareAndSwap(r, fresh) {
			c.subscriptions.shelf.remove(r)
			r = fresh
			break
		}
		r = place.Load()
	}
	r.once.Do(func() {
		defer func() {
			if !r.whole { // also after a panic: the next who asks tries again
				place.CompareAndSwap(r, nil)
			}
		}()
		if r.payload, r.whole = c.make(item, view); !r.whole {
			return
		}
		if r.large = len(r.payload) > wire.MaxAnswer; r.large {
			r.payload = nil
		}
		c.subscriptions.shelf.put(r)
	})
	return r
}

// place tells the places of items that follow each other apart, and of the views of one item that are shown beside each other.
func (k renderedKey) place() int { return int(k.seq*2+int64(k.view)) % keptRenderings }

func (c *cohort) make(item *live.Item, view live.View) (payload []byte, whole bool) {
	// What a render reads beyond its snapshot must not hold up the others for long.
	ctx, cancel := context.WithTimeout(context.Background(), renderTimeout)
	defer cancel()
	shown, err := c.show(ctx, c, item, view)
	return c.render(ctx, &rendering{item: shown, err: err, snapshot: item.Snapshot()})
}

// An item that cannot be shown is tried again this often before the subscriber is told to query afresh: what he queries has the item in it, and
// an error in its place would leave him at a cursor before it.
const (
	maxShowTries = 5
	showAgainIn  = 500 * time.Millisecond
)

var errTooLarge = errors.New("an item is larger than an answer may be")

// follower is one member of a cohort. It is a live.Taker.
type follower struct {
	cohort *cohort
	sink   Sink
	failed atomic.Int32 // tries of the item that cannot be shown
	large  atomic.Bool  // an item was larger than anything that is sent
	left   atomic.Bool
}

// leave leaves the cohort, once.
func (f *follower) leave() {
	if !f.left.Swap(true) {
		f.cohort.subscriptions.leave(f.cohort)
	}
}

// Take implements live.Taker. An item that cannot be shown, because the database is away, is not taken: the stream waits at it.
func (f *follower) Take(item *live.Item, view live.View) bool {
	r := f.cohort.payload(item, view)
	if !r.whole {
		f.failed.Add(1)
		return false
	}
	f.failed.Store(0)
	if r.large {
		f.large.Store(true)
		return false
	}
	return f.sink.Next(r.payload)
}

// Flush implements live.Taker.
func (f *follower) Flush() { f.sink.Flush() }

// Wait implements live.Taker. After an item that is too large there is nothing to wait for: the subscriber is told to read afresh.
func (f *follower) Wait(ctx context.Context) error {
	switch failed := f.failed.Load(); {
	case f.large.Load():
		return errTooLarge
	case failed >= maxShowTries:
		return live.ErrNotShown
	case failed > 0:
		timer := time.NewTimer(showAgainIn)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.sink.Wait(ctx)
}

// CaughtUp implements live.Taker.
func (f *follower) CaughtUp(string) {}

// Recheck implements live.Taker.
func (f *follower) Recheck(ctx context.Context, actor inbox.Actor) error {
	return f.cohort.begin(ctx, f.cohort.subscriptions, actor)
}

// End implements live.Taker.
func (f *follower) End(reason live.Reason, cursor string) {
	defer f.leave()
	defer f.sink.Complete() // also after a panic
	if reason != live.Over {
		f.cohort.sendResync(f.sink, reason, cursor)
	}
}
