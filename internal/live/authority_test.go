package live_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// access is an event that changes what the agent may see; nil: what everybody may.
func access(kind inbox.EventKind, agent, session *uuid.UUID) inbox.Event {
	return inbox.Event{Kind: kind, ActorKind: inbox.ActorSystem, AgentID: agent, SessionID: session, At: event(uuid.Nil, uuid.Nil).At}
}

// H8, R45: what takes somebody's access away holds from that event on: he gets everything before it and nothing after it, even when all of
// it is committed and read at once.
func TestRevokedAccessEndsAtItsEvent(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*shop, uuid.UUID, uuid.UUID) inbox.Event{
		"signed out": func(s *shop, agent, session uuid.UUID) inbox.Event {
			s.w.Exec("UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = $1", session)
			return access(inbox.EventSessionEnded, &agent, &session)
		},
		"signed out everywhere": func(s *shop, agent, _ uuid.UUID) inbox.Event {
			s.w.Exec("UPDATE refresh_tokens SET revoked_at = now() WHERE agent_id = $1", agent)
			return access(inbox.EventSessionEnded, &agent, nil)
		},
		"disabled": func(s *shop, agent, _ uuid.UUID) inbox.Event {
			s.w.Exec("UPDATE agents SET status = 'DISABLED' WHERE id = $1", agent)
			return access(inbox.EventAccessChanged, &agent, nil)
		},
		"tenant suspended": func(s *shop, _, _ uuid.UUID) inbox.Event {
			s.w.Exec("UPDATE tenants SET status = 'SUSPENDED' WHERE tenant_id = $1", s.ID.UUID())
			return access(inbox.EventAccessChanged, nil, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inboxtest.New(t)
			s := newShop(w, "acme")
			p := launch(t, w, options{})
			c := newClient(100)
			defer p.subscribe(t, s.agent, &visible{}, nil, c)()
			revoked := revoke(s, s.agent.ID(), s.agent.Session())
			if err := p.record(t.Context(), s.ID, s.event(), s.event(), revoked, s.event(), s.event()); err != nil {
				t.Fatal(err)
			}
			c.await(t, "the end", func() bool { return c.ended })
			if got := c.seen(); len(got) != 2 || c.reason != live.Over {
				t.Errorf("got %v and the reason %q, want the 2 events before", got, c.reason)
			}
			_, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: &visible{}, Taker: newClient(1)})
			if !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("subscribing again: %v", err)
			}
		})
	}
}

// R45: a key that is revoked ends its subscriptions, and not those of another key.
func TestARevokedKeyEndsItsSubscriptions(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	keys, clients := []uuid.UUID{inboxtest.NewID(), inboxtest.NewID()}, []*client{newClient(100), newClient(100)}
	for i, key := range keys {
		w.Exec("INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'CRM', $3, '{inbox:read}', now())",
			s.ID.UUID(), key, []byte(key.String()))
		defer p.subscribe(t, inbox.APIKeyActor(s.ID, key, []inbox.Scope{inbox.ScopeRead}), &visible{}, nil, clients[i])()
	}
	w.Exec("UPDATE api_keys SET revoked_at = now() WHERE id = $1", keys[0])
	if err := p.record(t.Context(), s.ID, s.event(), access(inbox.EventAccessChanged, &keys[0], nil), s.event()); err != nil {
		t.Fatal(err)
	}
	clients[0].await(t, "the end", func() bool { return clients[0].ended })
	clients[1].await(t, "both events", func() bool { return len(clients[1].got) == 2 })
	if got := clients[0].seen(); len(got) != 1 || clients[1].ended {
		t.Errorf("the revoked key saw %v, want the event before; the other has ended: %v", got, clients[1].ended)
	}
}

// R45: another sign-in of the same agent goes on.
func TestAnotherSignInGoesOn(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	other := s.signIn(s.agent.ID(), inbox.RoleAgent, s.mine)
	c := newClient(100)
	defer p.subscribe(t, other, &visible{}, nil, c)()
	agent, session := s.agent.ID(), s.agent.Session()
	w.Exec("UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = $1", session)
	if err := p.record(t.Context(), s.ID, access(inbox.EventSessionEnded, &agent, &session), s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "the event after", func() bool { return len(c.got) == 1 })
}

// R45: a change of teams or role changes what is seen exactly at its event, both ways, for listeners and for those who come back.
func TestChangedAccessHoldsFromItsEvent(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	agent := s.agent.ID()
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	theirs := event(s.other, s.theirs)

	w.Exec("UPDATE agents SET role = 'SUPERVISOR' WHERE id = $1", agent)
	if err := p.record(t.Context(), s.ID, theirs, access(inbox.EventAccessChanged, &agent, nil), theirs, s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "what a supervisor sees", func() bool { return len(c.got) == 2 })
	w.Exec("UPDATE agents SET role = 'AGENT' WHERE id = $1", agent)
	w.Exec("DELETE FROM team_members WHERE agent_id = $1", agent)
	claimed := s.event()
	claimed.AssigneeAfter = &agent
	if err := p.record(t.Context(), s.ID, s.event(), access(inbox.EventAccessChanged, &agent, nil), theirs, s.event(), claimed); err != nil {
		t.Fatal(err)
	}
	c.await(t, "what is left to see", func() bool { return len(c.got) == 4 })
	want := []int64{3, 4, 5, 9}
	for i, seq := range c.seen() {
		if seq != want[i] {
			t.Fatalf("saw %v, want %v", c.seen(), want)
		}
	}
	// Who comes back sees his past as what he may see now.
	again := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, p.cursor(t, s.ID, 0), again)()
	again.await(t, "history", func() bool { return again.caught > 0 })
	if got := again.seen(); len(got) != 1 || got[0] != 9 {
		t.Errorf("history showed %v, want only what is his now", got)
	}
}

// A subscriber that holds an actor from before a change is given the access of now, not of then.
func TestAnOldActorIsReadAnew(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	first := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, first)() // the stream knows him
	agent := s.agent.ID()
	w.Exec("DELETE FROM team_members WHERE agent_id = $1", agent)
	if err := p.record(t.Context(), s.ID, s.event(), access(inbox.EventAccessChanged, &agent, nil)); err != nil {
		t.Fatal(err)
	}
	first.await(t, "the change", func() bool { return len(first.got) == 1 && first.caught == 2 })
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)() // his actor still names the account
	claimed := s.event()
	claimed.AssigneeAfter = &agent
	if err := p.record(t.Context(), s.ID, s.event(), claimed); err != nil {
		t.Fatal(err)
	}
	c.await(t, "what is his", func() bool { return len(c.got) == 1 })
	if got := c.seen(); got[0] != 4 {
		t.Errorf("saw %v of a team that he has left", got)
	}
}

// A subscription whose taker refuses the changed actor ends.
func TestATakerMayRefuse(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	agent := s.supervisor.ID()
	c := newClient(100)
	c.recheck = func(actor inbox.Actor) error {
		if !actor.Supervises() {
			return fault.New(fault.Forbidden, "for supervisors")
		}
		return nil
	}
	defer p.subscribe(t, s.supervisor, &visible{}, nil, c)()
	w.Exec("UPDATE agents SET role = 'AGENT' WHERE id = $1", agent)
	if err := p.record(t.Context(), s.ID, access(inbox.EventAccessChanged, &agent, nil), s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "the end", func() bool { return c.ended })
	if len(c.seen()) != 0 {
		t.Errorf("saw %v", c.seen())
	}
}

// interrupted lets something happen between the reading of an actor's access and its use.
type interrupted struct {
	live.Source
	meanwhile func()
}

func (i *interrupted) Access(ctx context.Context, actor inbox.Actor) (inbox.Actor, error) {
	fresh, err := i.Source.Access(ctx, actor)
	if happen := i.meanwhile; happen != nil {
		i.meanwhile = nil
		happen()
	}
	return fresh, err
}

// held is a taker whose first item waits until it is let go.
type held struct {
	*client
	reached, let chan struct{}
	first        sync.Once
}

func (h *held) Take(item *live.Item, v live.View) bool {
	h.first.Do(func() {
		close(h.reached)
		<-h.let
	})
	return h.client.Take(item, v)
}

// R45: who enters while a change of his access is on its way, behind others who are slower to take what comes before it, has the access of after it.
func TestAccessThatChangesWhileOthersAreOffered(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	slow := &held{client: newClient(100), reached: make(chan struct{}), let: make(chan struct{})}
	stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.supervisor, Audience: &visible{}, Taker: slow})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer p.subscribe(t, s.agent, &visible{}, nil, newClient(100))() // so that what he may see is known
	agent := s.agent.ID()
	w.Exec("DELETE FROM team_members WHERE agent_id = $1", agent)
	if err := p.record(t.Context(), s.ID, s.event(), access(inbox.EventAccessChanged, &agent, nil)); err != nil {
		t.Fatal(err)
	}
	<-slow.reached
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	close(slow.let)
	for n := range 2 { // once the second is there, every member was offered the first
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
		slow.await(t, "what follows", func() bool { return len(slow.got) == n+2 })
	}
	if got := c.seen(); len(got) != 0 {
		t.Errorf("saw %v of a team that he had left", got)
	}
}

// R45: an access that changes while a subscription begins is the one that counts, though the change was offered before the
// subscription was there.
func TestAccessThatChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	var source *interrupted
	p := launch(t, w, options{source: func(inner live.Source) live.Source {
		source = &interrupted{Source: inner}
		return source
	}})
	witness := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, witness)()
	agent := s.agent.ID()
	source.meanwhile = func() {
		w.Exec("DELETE FROM team_members WHERE agent_id = $1", agent)
		if err := p.record(t.Context(), s.ID, access(inbox.EventAccessChanged, &agent, nil), s.event()); err != nil {
			t.Error(err)
		}
		witness.await(t, "the event after the change", func() bool { return len(witness.got) == 1 })
	}
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	if err := p.record(t.Context(), s.ID, s.event(), s.event()); err != nil {
		t.Fatal(err)
	}
	witness.await(t, "what follows", func() bool { return len(witness.got) == 3 })
	if err := p.record(t.Context(), s.ID, s.event()); err != nil { // every member was offered what came before this
		t.Fatal(err)
	}
	witness.await(t, "the last", func() bool { return len(witness.got) == 4 })
	if got := c.seen(); len(got) != 0 {
		t.Errorf("saw %v of a team that he had left", got)
	}
}
