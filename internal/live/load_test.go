package live_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// counting counts the reads of a source, and holds up those of one tenant.
type counting struct {
	live.Source
	reads  atomic.Int64
	stuck  inbox.TenantID
	gate   chan struct{}
	active chan struct{} // closed when the stuck tenant is being read
}

func (c *counting) Events(
	ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want,
) (inbox.EventPage, error) {
	c.reads.Add(1)
	if tenant == c.stuck && limit > 0 {
		close(c.active)
		select {
		case <-c.gate:
			c.stuck = inbox.TenantID{}
		case <-ctx.Done():
		}
	}
	return c.Source.Events(ctx, tenant, after, limit, want)
}

func (c *counting) Snapshot(ctx context.Context, tenant inbox.TenantID, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	c.reads.Add(1)
	return c.Source.Snapshot(ctx, tenant, events, reach)
}

func (c *counting) Access(ctx context.Context, actor inbox.Actor) (inbox.Actor, error) {
	c.reads.Add(1)
	return c.Source.Access(ctx, actor)
}

// P5: a change costs one read, for one subscriber and for a thousand.
func TestReadsDoNotGrowWithSubscribers(t *testing.T) {
	t.Parallel()
	const changes = 20
	w := inboxtest.New(t)
	cost := func(subscribers int) int64 {
		s := newShop(w, []string{"one", "many"}[min(subscribers-1, 1)])
		var source *counting
		p := launch(t, w, options{live: live.Config{Poll: time.Hour}, source: func(s live.Source) live.Source {
			source = &counting{Source: s}
			return source
		}})
		audience := &visible{}
		clients := make([]*client, subscribers)
		for i := range clients {
			clients[i] = newClient(changes)
			defer p.subscribe(t, s.agent, audience, nil, clients[i])()
		}
		if n := source.reads.Load(); n > 2 {
			t.Errorf("%d reads to begin %d subscriptions of one agent", n, subscribers)
		}
		before := source.reads.Load()
		for i := range changes {
			if err := p.record(t.Context(), s.ID, s.event()); err != nil {
				t.Fatal(err)
			}
			for _, c := range clients {
				c.await(t, "the change", func() bool { return len(c.got) == i+1 })
			}
		}
		return source.reads.Load() - before
	}
	if one, many := cost(1), cost(1000); one != changes || many != changes {
		t.Errorf("%d changes cost %d reads for one subscriber and %d for a thousand", changes, one, many)
	}
}

// R44: a subscriber that takes nothing is given up in time, has not grown, and delays nobody.
func TestASlowSubscriberIsGivenUp(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{live: live.Config{Stall: 3 * time.Second}})
	audience := &visible{}
	slow, quick := newClient(16), newClient(16)
	slow.frozen = true
	defer p.subscribe(t, s.agent, audience, nil, slow)()
	defer p.subscribe(t, s.agent, audience, nil, quick)()
	for i := range 100 {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
		quick.await(t, "the event", func() bool { return len(quick.got) == i+1 })
		if i == 20 && slow.over() { // it has not taken the four before, and may still
			t.Error("the quick one waited until the slow one was given up")
		}
	}
	slow.await(t, "the end of the slow one", func() bool { return slow.ended })
	if got := slow.seen(); slow.reason != live.TooSlow || len(got) != 16 {
		t.Errorf("ended with %q after %d items, want TOO_SLOW after 16", slow.reason, len(got))
	}
	if stats := p.hub.Stats(); stats.Subscribers != 1 {
		t.Errorf("%d subscribers are left, want 1", stats.Subscribers)
	}
}

// A subscriber whose buffer overflows in a burst gets the rest at its own pace, in order.
func TestABurstDoesNotEndAReader(t *testing.T) {
	t.Parallel()
	const burst = 1500
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	c := newClient(16)
	c.frozen = true
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	done := make(chan struct{})
	go func() { // reads what is there, over and over
		defer close(done)
		for {
			c.mu.Lock()
			got := len(c.got)
			c.buffer = 0
			c.touch()
			changed := c.changed
			c.mu.Unlock()
			if got == burst {
				return
			}
			select {
			case <-changed:
			case <-time.After(deadline):
				t.Errorf("stopped after %d items", got)
				return
			}
		}
	}()
	events := make([]inbox.Event, burst)
	for i := range events {
		events[i] = s.event()
	}
	if err := p.record(t.Context(), s.ID, events...); err != nil {
		t.Fatal(err)
	}
	<-done
	for i, seq := range c.seen() {
		if seq != int64(i+1) {
			t.Fatalf("item %d is event %d", i, seq)
		}
	}
}

// A tenant whose read hangs holds up nobody else.
func TestASlowTenantStallsNobody(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	stuck, other := newShop(w, "stuck"), newShop(w, "other")
	var source *counting
	p := launch(t, w, options{source: func(s live.Source) live.Source {
		source = &counting{Source: s, stuck: stuck.ID, gate: make(chan struct{}), active: make(chan struct{})}
		return source
	}})
	late, prompt := newClient(10), newClient(10)
	defer p.subscribe(t, stuck.agent, &visible{}, nil, late)()
	defer p.subscribe(t, other.agent, &visible{}, nil, prompt)()
	if err := p.record(t.Context(), stuck.ID, stuck.event()); err != nil {
		t.Fatal(err)
	}
	<-source.active
	if err := p.record(t.Context(), other.ID, other.event()); err != nil {
		t.Fatal(err)
	}
	prompt.await(t, "the other tenant's event", func() bool { return len(prompt.got) == 1 })
	if got := late.seen(); len(got) != 0 {
		t.Errorf("the gate let %v through", got)
	}
	close(source.gate)
	late.await(t, "the stuck tenant's event", func() bool { return len(late.got) == 1 })
}

// failing is a source whose database is away for some reads.
type failing struct {
	live.Source
	left atomic.Int64
}

func (f *failing) away() error {
	if f.left.Add(-1) >= 0 {
		return fault.New(fault.Unavailable, "the database is away")
	}
	return nil
}

func (f *failing) Events(
	ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want,
) (inbox.EventPage, error) {
	if err := f.away(); err != nil {
		return inbox.EventPage{}, err
	}
	return f.Source.Events(ctx, tenant, after, limit, want)
}

func (f *failing) Snapshot(ctx context.Context, tenant inbox.TenantID, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	if err := f.away(); err != nil {
		return nil, err
	}
	return f.Source.Snapshot(ctx, tenant, events, reach)
}

func (f *failing) Access(ctx context.Context, actor inbox.Actor) (inbox.Actor, error) {
	if err := f.away(); err != nil {
		return actor, err
	}
	return f.Source.Access(ctx, actor)
}

// While the database is away subscribers wait: nothing is lost, nothing comes twice, and nobody is let in unchecked.
func TestFailedReadsAreRepeated(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	var source *failing
	p := launch(t, w, options{alone: true, source: func(inner live.Source) live.Source {
		source = &failing{Source: inner}
		return source
	}})
	source.left.Store(1)
	_, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: &visible{}, Taker: newClient(1)})
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("let in without a look: %v", err)
	}
	for range 5 {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
	}
	listening, resuming := newClient(100), newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, listening)()
	beginning := p.cursor(t, s.ID, 0)
	source.left.Store(3)
	defer p.subscribe(t, s.agent, &visible{}, beginning, resuming)()
	resuming.await(t, "history", func() bool { return len(resuming.got) == 5 })
	source.left.Store(2)
	agent := s.agent.ID()
	if err := p.record(t.Context(), s.ID, s.event(), access(inbox.EventAccessChanged, &agent, nil), s.event()); err != nil {
		t.Fatal(err)
	}
	listening.await(t, "the news", func() bool { return len(listening.got) == 2 })
	resuming.await(t, "the news after history", func() bool { return len(resuming.got) == 7 })
}

// late lets something happen between the reading of a page and its use.
type late struct {
	live.Source
	meanwhile func()
}

func (l *late) Events(
	ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want,
) (inbox.EventPage, error) {
	page, err := l.Source.Events(ctx, tenant, after, limit, want)
	if happen := l.meanwhile; happen != nil && limit > 0 {
		l.meanwhile = nil
		happen()
	}
	return page, err
}

// A wake that comes while the stream is being read is not lost: the poll is too far out to help.
func TestAWakeDuringAReadIsKept(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	var source *late
	p := launch(t, w, options{alone: true, live: live.Config{Poll: time.Hour}, source: func(inner live.Source) live.Source {
		source = &late{Source: inner}
		return source
	}})
	c := newClient(10)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	source.meanwhile = func() {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Error(err)
		}
	}
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "both events", func() bool { return len(c.got) == 2 })
}

// Stop ends a subscription without a word, and the end of the context does too.
func TestStopIsSilent(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	ctx, cancel := context.WithCancel(t.Context())
	stopped, cancelled, stays := newClient(10), newClient(10), newClient(10)
	stop := p.subscribe(t, s.agent, &visible{}, nil, stopped)
	_, err := p.hub.Subscribe(ctx, live.Request{Actor: s.agent, Audience: &visible{}, Taker: cancelled})
	if err != nil {
		t.Fatal(err)
	}
	defer p.subscribe(t, s.agent, &visible{}, nil, stays)()
	stop()
	stop()
	cancel()
	until := time.Now().Add(deadline)
	for p.hub.Stats().Subscribers != 1 && time.Now().Before(until) {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	stays.await(t, "an event", func() bool { return len(stays.got) > 0 })
	if len(stopped.seen()) != 0 || stopped.ended || cancelled.ended {
		t.Errorf("the stopped one saw %v; told of their end: %v, %v", stopped.seen(), stopped.ended, cancelled.ended)
	}
}

// The end of the hub ends every subscription with a word.
func TestTheHubsEndIsTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	hub := live.New(live.Config{Source: w.DB.Stream()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- hub.Run(ctx) }()
	c := newClient(10)
	if _, err := hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: &visible{}, Taker: c}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c.await(t, "the end", func() bool { return c.ended })
	if _, err := hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: &visible{}, Taker: newClient(1)}); err == nil {
		t.Error("a closed hub took a subscriber")
	}
}
