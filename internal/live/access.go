package live

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const maxAccesses = 10_000

// accesses remembers what actors may do, up to the event that changes it, so that the subscriptions of one agent, and those that come
// back at once, share one read.
type accesses struct {
	mu      sync.Mutex
	known   map[actorKey]checkedActor
	changes map[uuid.UUID]int64 // the newest event that changed an actor's access
	all     int64               // the newest event that changed everybody's
}

type actorKey struct {
	kind        inbox.ActorKind
	id, session uuid.UUID
}

// checkedActor is an actor whose access was read when the stream stood at an event.
type checkedActor struct {
	actor  inbox.Actor
	at     int64
	turned chan struct{} // the stream's at that time: without its numbering, at means nothing
}

func (a *accesses) init() {
	a.known, a.changes = map[actorKey]checkedActor{}, map[uuid.UUID]int64{}
}

// clear forgets everything: the stream starts over, with other numbers.
func (a *accesses) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
	clear(a.changes)
	a.all = 0
}

func keyOf(actor inbox.Actor) actorKey { return actorKey{actor.Kind(), actor.ID(), actor.Session()} }

// holds reports whether no event since has changed the actor's access.
func (a *accesses) holds(c checkedActor) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holdsLocked(c)
}

func (a *accesses) holdsLocked(c checkedActor) bool {
	return c.at >= a.all && c.at >= a.changes[c.actor.ID()]
}

func (a *accesses) find(actor inbox.Actor, since int64, turned chan struct{}) (checkedActor, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.known[keyOf(actor)]
	return c, ok && c.turned == turned && c.at >= since && a.holdsLocked(c)
}

func (a *accesses) keep(c checkedActor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxAccesses {
		clear(a.known)
	}
	a.known[keyOf(c.actor)] = c
}

func (a *accesses) changed(e *inbox.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.AgentID == nil {
		a.all = max(a.all, e.Seq)
		clear(a.changes)
		return
	}
	if len(a.changes) >= maxAccesses {
		a.all = e.Seq
		clear(a.changes)
	}
	a.changes[*e.AgentID] = e.Seq
}

// authorise returns the actor with what he may do at or after the given event, or the error of Source.Access.
func (s *stream) authorise(ctx context.Context, actor inbox.Actor, since int64) (checkedActor, error) {
	stood := s.standing()
	if checked, ok := s.access.find(actor, since, stood.turned); ok {
		return checked, nil
	}
	fresh, err := s.hub.cfg.Source.Access(ctx, actor)
	if err != nil {
		return checkedActor{}, err
	}
	checked := checkedActor{actor: fresh, at: stood.Seq, turned: stood.turned}
	s.access.keep(checked)
	return checked, nil
}

// recheck reads what the subscriber may do at or after the given event.
func (sub *subscription) recheck(since int64) error {
	checked, err := sub.stream.authorise(sub.ctx, sub.actor, since)
	if err != nil {
		return err
	}
	if err := sub.taker.Recheck(sub.ctx, checked.actor); err != nil {
		return err
	}
	sub.actor = checked.actor
	return nil
}

func changesAccess(e *inbox.Event) bool {
	return e.Kind == inbox.EventAccessChanged || e.Kind == inbox.EventSessionEnded
}

// concerns reports whether an access event is about the actor: he is named, or nobody is, which means everybody.
func concerns(e *inbox.Event, actor inbox.Actor) bool {
	if e.AgentID != nil && *e.AgentID != actor.ID() {
		return false
	}
	return e.SessionID == nil || *e.SessionID == actor.Session()
}

func endsSession(e *inbox.Event, actor inbox.Actor) bool {
	return e.Kind == inbox.EventSessionEnded && e.SessionID != nil && *e.SessionID == actor.Session()
}
