package live

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	stateCatching int32 = iota // served by a goroutine of its own, from history
	stateLive                  // served by the stream's reader
	stateEnded
)

// Request asks for a subscription.
type Request struct {
	Actor    inbox.Actor
	Audience Audience // subscriptions with the same Audience (by ==) form a group
	After    *string  // the cursor after which to begin; nil: now
	Taker    Taker
}

// subscription is one subscriber. Only the goroutine that serves it touches actor, at, pos, due and full.
type subscription struct {
	stream *stream
	turned chan struct{} // the stream's when the subscription entered: its places are numbers of that time
	group  *group
	taker  Taker
	actor  inbox.Actor
	at     int64 // the item that is being offered while live
	pos    int64 // everything up to here was offered; meaningful while catching up and at the turn to live
	due    int64 // what the actor may do must be read as of this event before anything is offered; 0: nothing due
	full   bool  // the taker's buffer was full; wait before the next Take
	state  atomic.Int32
	doomed atomic.Pointer[Reason] // why the goroutine that catches up is to end it
	ctx    context.Context
	cancel context.CancelFunc
}

// Subscribe begins a subscription, which outlives ctx, and returns how to stop it. It returns an Unauthenticated error when the
// actor may do nothing any more, what Taker.Recheck returns, and an Unavailable error when the database cannot be reached. A
// cursor that cannot be continued is no error: the Taker is told its end.
func (h *Hub) Subscribe(ctx context.Context, r Request) (stop func(), err error) {
	_ = faultpoint.Point("sub.register")
	for {
		s, err := h.stream(ctx, r.Actor.Tenant())
		if err != nil {
			return nil, err
		}
		checked, err := s.authorise(ctx, r.Actor, 0)
		if err != nil {
			return nil, err
		}
		if err := r.Taker.Recheck(ctx, checked.actor); err != nil {
			return nil, err
		}
		from, reason, err := s.place(ctx, r.After)
		if err != nil {
			return nil, err
		}
		if reason != Over {
			r.Taker.End(reason, s.cursor())
			return func() {}, nil
		}
		if sub := s.enter(r, checked, from); sub != nil {
			return sub.stop, nil
		}
		// Access changed, or the stream started over or was retired, between the look and the entry: look again.
	}
}

// place returns where a subscription begins: after the cursor, or at -1 for now; a reason when the cursor cannot be continued.
func (s *stream) place(ctx context.Context, after *string) (standing, Reason, error) {
	stood := s.standing()
	from := standing{inbox.Cursor{Seq: -1}, stood.turned}
	if after == nil {
		return from, Over, nil
	}
	ok := false
	if from.Cursor, ok = inbox.ParseCursor(*after); !ok {
		return from, CursorUnknown, nil
	}
	if from.Epoch == stood.Epoch && from.Seq <= stood.Seq {
		if stood.Seq-from.Seq > s.hub.cfg.History {
			return from, CursorTooOld, nil
		}
		return from, Over, nil
	}
	// Ahead of what this process has read, or of another epoch: it may be true all the same, only the database knows.
	page, err := s.hub.cfg.Source.Events(ctx, s.tenant, 0, 0, nil)
	if err != nil {
		return from, Over, err
	}
	if !s.compare(stood, inbox.Cursor{Epoch: page.Epoch, Seq: page.Head}) {
		return from, Over, s.restart(ctx, stood) // nobody can enter at what was before
	}
	if from.Epoch != page.Epoch || from.Seq > page.Head {
		return from, CursorUnknown, nil
	}
	return from, Over, nil
}

// restart waits until the stream no longer stands where it stood.
func (s *stream) restart(ctx context.Context, stood standing) error {
	select {
	case <-stood.turned:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.hub.ctx.Done():
		return closed()
	}
}

// enter makes the subscription a member: live at once when it has nothing to catch up, otherwise catching up. It returns nil when what
// was looked at before has changed.
func (s *stream) enter(r Request, checked checkedActor, from standing) *subscription {
	sub := &subscription{stream: s, turned: from.turned, taker: r.Taker, actor: checked.actor, pos: from.Seq}
	s.mu.Lock()
	if s.retired || s.turned != from.turned || s.turned != checked.turned || !s.access.holds(checked) {
		s.mu.Unlock()
		return nil
	}
	sub.ctx, sub.cancel = context.WithCancel(s.hub.ctx)
	sub.group = s.groups[r.Audience]
	if sub.group == nil {
		sub.group = &group{audience: r.Audience, members: map[*subscription]struct{}{}}
		s.groups[r.Audience] = sub.group
	}
	sub.group.members[sub] = struct{}{}
	s.members++
	if from.Seq < 0 {
		sub.pos = s.last
	}
	behind := sub.pos < s.last
	if !behind {
		sub.state.Store(stateLive)
		sub.group.roll = nil
	}
	cursor := inbox.Cursor{Epoch: s.epoch, Seq: sub.pos}.String()
	s.mu.Unlock()
	if behind {
		s.hub.spawn(sub.catchUp)
	} else {
		sub.caughtUp(cursor)
	}
	return sub
}

// stop ends the subscription without a word.
func (sub *subscription) stop() {
	if sub.state.Swap(stateEnded) != stateEnded {
		sub.leave()
	}
}

// end ends the subscription and tells the taker why.
func (sub *subscription) end(reason Reason) {
	if sub.state.Swap(stateEnded) != stateEnded {
		sub.leave()
		sub.taker.End(reason, sub.stream.cursor())
	}
}

// doom ends the subscription in the goroutine that serves it: this one, the reader, or the one that catches up.
func (sub *subscription) doom(reason Reason) {
	if sub.state.Load() != stateCatching {
		sub.end(reason)
		return
	}
	sub.doomed.Store(&reason)
	sub.cancel()
	if sub.state.Load() == stateLive { // it has just caught up, so the reader serves it after all
		sub.end(reason)
	}
}

// fate returns why a subscription whose context has ended is over.
func (sub *subscription) fate() Reason {
	if reason := sub.doomed.Load(); reason != nil {
		return *reason
	}
	return Over
}

func (sub *subscription) leave() {
	sub.cancel()
	s := sub.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, member := sub.group.members[sub]; !member {
		return
	}
	delete(sub.group.members, sub)
	sub.group.roll = nil
	if len(sub.group.members) == 0 {
		delete(s.groups, sub.group.audience)
	}
	if s.members--; s.members == 0 {
		s.left = time.Now()
	}
}

// offer passes items on to a live subscriber, but for those it was offered while catching up. A full buffer turns the subscription to
// catching up.
func (sub *subscription) offer(items []*Item) {
	defer sub.retreat()
	took := false
	for _, item := range items {
		if sub.state.Load() != stateLive {
			break
		}
		if item.Seq <= sub.pos {
			continue
		}
		sub.at = item.Seq
		view := sub.group.audience.View(item, sub.actor)
		if view == Gone {
			sub.end(Over)
			return
		}
		if view == Nothing {
			continue
		}
		_ = faultpoint.Point("sub.write")
		if !sub.taker.Take(item, view) {
			sub.taker.Flush()
			sub.full = true
			sub.park(item.Seq - 1)
			return
		}
		took = true
	}
	if sub.at++; took { // nothing is left to be offered again
		sub.taker.Flush()
	}
}

// park turns a live subscription to catching up from behind pos.
func (sub *subscription) park(pos int64) {
	sub.pos = pos
	if !sub.state.CompareAndSwap(stateLive, stateCatching) {
		return
	}
	s := sub.stream
	s.mu.Lock()
	sub.group.roll = nil
	s.mu.Unlock()
	s.hub.spawn(sub.catchUp)
}

func (s *stream) cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inbox.Cursor{Epoch: s.epoch, Seq: s.last}.String()
}

func (s *stream) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members
}

// retire reports whether nobody has listened since the given time, and if so lets nobody in any more.
func (s *stream) retire(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.retired && s.epoch != "" && s.members == 0 && !s.reading && s.left.Before(since) {
		s.retired = true
		close(s.turned)
	}
	return s.retired
}

// everybody returns every member at this moment.
func (s *stream) everybody() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.everybodyLocked()
}

func (s *stream) everybodyLocked() []*subscription {
	all := make([]*subscription, 0, s.members)
	for _, g := range s.groups {
		for sub := range g.members {
			all = append(all, sub)
		}
	}
	return all
}
