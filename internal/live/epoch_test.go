package live_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// goBack makes the tenant's stream that of a database which lacks the last commits. Without an epoch it keeps its own.
func (s *shop) goBack(n int64, epoch *uuid.UUID) {
	// At once: who reads between finds events beyond the head.
	s.w.Exec(`WITH h AS (UPDATE tenant_heads SET epoch = coalesce($2, epoch), seq = seq - $3 WHERE tenant_id = $1 RETURNING tenant_id, seq)
		DELETE FROM events e USING h WHERE e.tenant_id = h.tenant_id AND e.seq > h.seq`, s.ID.UUID(), epoch, n)
}

func (s *shop) record(t *testing.T, p *process, n int) {
	t.Helper()
	for range n {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
	}
}

// R41: a database that lost its last commits tells lower numbers for a while. Whoever listens is told, though nothing new has a number
// that was not there before, and can go on from the place he is given.
func TestAHeadThatWentBackIsTold(t *testing.T) {
	t.Parallel()
	epoch := inboxtest.NewID()
	for name, epoch := range map[string]*uuid.UUID{"a new epoch": &epoch, "the same epoch": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inboxtest.New(t)
			s := newShop(w, "acme")
			p := launch(t, w, options{live: live.Config{Poll: 50 * time.Millisecond}})
			c := newClient(100)
			defer p.subscribe(t, s.supervisor, &visible{}, nil, c)()
			s.record(t, p, 60)
			c.await(t, "all events", func() bool { return len(c.got) == 60 })
			s.goBack(20, epoch)
			s.record(t, p, 10)
			c.await(t, "the end", func() bool { return c.ended })
			if c.reason != live.CursorUnknown || len(c.got) != 60 {
				t.Fatalf("ended with %q after %v", c.reason, c.got)
			}
			fresh := newClient(100)
			defer p.subscribe(t, s.supervisor, &visible{}, p.cursor(t, s.ID, 45), fresh)()
			s.record(t, p, 1)
			fresh.await(t, "what followed", func() bool { return len(fresh.got) == 6 })
			if got := fresh.seen(); got[0] != 46 || got[5] != 51 {
				t.Errorf("after 45 came %v", got)
			}
		})
	}
}

// R41: the cursor of a query that was made after the epoch was renewed is good at once, also at a process that has not noticed; the cursors from
// before are not, and whoever listens there is told.
func TestACursorOfTheNewEpochIsGoodAtOnce(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{deaf: true, live: live.Config{Poll: time.Hour}})
	s.record(t, p, 60)
	old, before := p.cursor(t, s.ID, 30), newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, before)()
	epoch := inboxtest.NewID()
	s.goBack(20, &epoch)
	fresh := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, p.cursor(t, s.ID, 35), fresh)()
	fresh.await(t, "what followed the query", func() bool { return len(fresh.got) == 5 && fresh.caught == 1 })
	before.await(t, "the end", func() bool { return before.ended })
	late := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, old, late)()
	late.await(t, "the end of the old cursor", func() bool { return late.ended })
	if before.reason != live.CursorUnknown || late.reason != live.CursorUnknown || late.cursor != *p.cursor(t, s.ID, 40) {
		t.Errorf("ended with %q and %q, at %q", before.reason, late.reason, late.cursor)
	}
}

// R41: an event that was announced had been committed. When the database does not know it, commits were lost, also such as this process had
// not read yet.
func TestWhatWasAnnouncedAndIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{live: live.Config{Poll: time.Hour}})
	s.record(t, p, 3)
	c := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, c)()
	p.hub.Wake(s.ID, 5)
	c.await(t, "the end", func() bool { return c.ended })
	if c.reason != live.CursorUnknown || c.cursor != *p.cursor(t, s.ID, 3) {
		t.Errorf("ended with %q at %q", c.reason, c.cursor)
	}
}

// R41, R45: what is known of somebody's access goes by the numbers that were lost. Numbers that come anew neither keep him out nor let him stay.
func TestAccessIsForgottenWithItsNumbers(t *testing.T) {
	t.Parallel()
	epoch := inboxtest.NewID()
	for name, epoch := range map[string]*uuid.UUID{"a new epoch": &epoch, "the same epoch": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inboxtest.New(t)
			s := newShop(w, "acme")
			p := launch(t, w, options{live: live.Config{Poll: 50 * time.Millisecond}})
			agent, supervisor := s.agent.ID(), s.supervisor.ID()
			c := newClient(100)
			defer p.subscribe(t, s.agent, &visible{}, nil, c)()
			if err := p.record(t.Context(), s.ID, s.event(), s.event(), s.event(), access(inbox.EventAccessChanged, &agent, nil), s.event()); err != nil {
				t.Fatal(err)
			}
			c.await(t, "all events", func() bool { return len(c.got) == 4 })
			known := newClient(100)
			defer p.subscribe(t, s.supervisor, &visible{}, nil, known)() // read when the stream stood at 5
			s.goBack(3, epoch)
			c.await(t, "the end", func() bool { return c.ended })
			known.await(t, "the end", func() bool { return known.ended })

			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			witness := newClient(100)
			again := s.signIn(agent, inbox.RoleAgent, s.mine) // nothing is known of this sign-in
			stop, err := p.hub.Subscribe(ctx, live.Request{Actor: again, Audience: &visible{}, Taker: witness})
			if err != nil {
				t.Fatalf("after the change that was lost: %v", err)
			}
			defer stop()
			w.Exec("UPDATE agents SET status = 'DISABLED' WHERE id = $1", supervisor)
			if err := p.record(t.Context(), s.ID, access(inbox.EventAccessChanged, &supervisor, nil), s.event()); err != nil {
				t.Fatal(err)
			}
			witness.await(t, "the event after", func() bool { return len(witness.got) == 1 })
			_, err = p.hub.Subscribe(ctx, live.Request{Actor: s.supervisor, Audience: &visible{}, Taker: newClient(1)})
			if !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("disabled by an event whose number is below that of what was known: %v", err)
			}
		})
	}
}

// lateHeads lets something happen between the reading of heads and their use, once.
type lateHeads struct {
	live.Source
	meanwhile chan func()
}

func (l *lateHeads) Heads(ctx context.Context, tenants []inbox.TenantID) (map[inbox.TenantID]inbox.Cursor, error) {
	heads, err := l.Source.Heads(ctx, tenants)
	select {
	case happen := <-l.meanwhile:
		happen()
	default:
	}
	return heads, err
}

// R41: a head that was read before the stream started over says nothing of the new numbers: whoever began in these is not told to query afresh.
func TestAHeadOfBeforeIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	source := &lateHeads{meanwhile: make(chan func(), 1)}
	p := launch(t, w, options{alone: true, live: live.Config{Poll: time.Hour}, source: func(inner live.Source) live.Source {
		source.Source = inner
		return source
	}})
	before, fresh := newClient(100), newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, before)()
	s.record(t, p, 10)
	before.await(t, "all events", func() bool { return len(before.got) == 10 })
	done := make(chan func(), 1)
	source.meanwhile <- func() {
		s.goBack(5, nil)
		p.hub.Wake(s.ID, 11) // which was committed, and is lost
		before.await(t, "the end", func() bool { return before.ended })
		done <- p.subscribe(t, s.supervisor, &visible{}, nil, fresh)
	}
	p.hub.WakeAll()
	defer (<-done)()
	looked := make(chan struct{})
	source.meanwhile <- func() { close(looked) }
	p.hub.WakeAll()
	<-looked // the heads of before have been used
	s.record(t, p, 2)
	fresh.await(t, "what followed", func() bool { return len(fresh.got) == 2 || fresh.ended })
	if fresh.ended {
		t.Errorf("ended with %q", fresh.reason)
	}
}
