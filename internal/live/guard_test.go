package live_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// clumsyClient panics over one item, so many times, or when it is caught up.
type clumsyClient struct {
	*client
	over    atomic.Int64
	left    atomic.Int64
	greeted bool
}

func (c *clumsyClient) CaughtUp(cursor string) {
	if c.client.CaughtUp(cursor); c.greeted {
		panic("it cannot be greeted")
	}
}

func (c *clumsyClient) Take(item *live.Item, view live.View) bool {
	if item.Seq == c.over.Load() && c.left.Add(-1) >= 0 {
		panic("it cannot be taken")
	}
	return c.client.Take(item, view)
}

// clumsyAudience panics when it is asked whether it wants one event, so many times.
type clumsyAudience struct {
	visible
	over atomic.Int64
	left atomic.Int64
}

func (a *clumsyAudience) Wants(e *inbox.Event) bool {
	if e.Seq == a.over.Load() && a.left.Add(-1) >= 0 {
		panic("it cannot be asked")
	}
	return a.visible.Wants(e)
}

// A subscriber that panics over an item is offered it again, once and in its place, and nobody else notices; one that panics over it every time is
// told to query afresh.
func TestAPanicOverAnItemConcernsItsSubscriberOnly(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{clumsy: true})
	audience, other := &visible{}, newClient(1000)
	once, always := &clumsyClient{client: newClient(1000)}, &clumsyClient{client: newClient(1000)}
	for _, taker := range []live.Taker{once, other, always} {
		stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: audience, Taker: taker})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	const count = 5
	record := func() (first int64) {
		events := make([]inbox.Event, count)
		for i := range events {
			events[i] = s.event()
		}
		before := s.head()
		once.over.Store(before + 3)
		always.over.Store(before + 3)
		if err := p.record(t.Context(), s.ID, events...); err != nil {
			t.Fatal(err)
		}
		return before + 1
	}
	once.left.Store(2)
	always.left.Store(1000)
	first := record()
	want := []int64{first, first + 1, first + 2, first + 3, first + 4}
	for _, c := range []*client{once.client, other} {
		c.await(t, "all of it", func() bool { return len(c.got) == count })
		if got := c.seen(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	always.await(t, "the end", func() bool { return always.ended })
	if got := always.seen(); always.reason != live.NotShown || !slices.Equal(got, want[:2]) {
		t.Errorf("ended with %q after %v, want %q after %v", always.reason, got, live.NotShown, want[:2])
	}
}

// Who panics when he is told that he is caught up is live all the same, and is told everything once.
func TestAPanicOfWhoIsCaughtUpChangesNothing(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{clumsy: true})
	before := s.head()
	record := func() {
		if err := p.record(t.Context(), s.ID, s.event(), s.event()); err != nil {
			t.Fatal(err)
		}
	}
	record()
	c := &clumsyClient{client: newClient(1000), greeted: true}
	stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: &visible{}, Taker: c, After: p.cursor(t, s.ID, before)})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c.await(t, "what was before", func() bool { return c.caught == 1 })
	record()
	c.await(t, "what follows", func() bool { return len(c.got) == 4 })
	if got, want := c.seen(), []int64{before + 1, before + 2, before + 3, before + 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Where the reader itself panics, once or each time that it looks at an event, whoever listens is told to query afresh, and who comes then is told
// what follows.
func TestAReaderThatPanicsStartsOver(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int64{"once": 1, "always": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startsOver(t, times)
		})
	}
}

func startsOver(t *testing.T, times int64) {
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{clumsy: true})
	audience, c, other := &clumsyAudience{}, newClient(1000), newClient(1000)
	audience.over.Store(s.head() + 2)
	audience.left.Store(times)
	defer p.subscribe(t, s.agent, audience, nil, c)()
	defer p.subscribe(t, s.agent, &visible{}, nil, other)()
	if err := p.record(t.Context(), s.ID, s.event(), s.event(), s.event()); err != nil {
		t.Fatal(err)
	}
	for _, listener := range []*client{c, other} {
		listener.await(t, "the end", func() bool { return listener.ended })
		if listener.reason != live.CursorUnknown {
			t.Errorf("ended with %q, want %q", listener.reason, live.CursorUnknown)
		}
	}
	fresh := newClient(1000)
	defer p.subscribe(t, s.agent, audience, nil, fresh)()
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	fresh.await(t, "what follows", func() bool { return len(fresh.got) == 1 })
}

// clumsyHeads panics over the heads when they are asked for the first time.
type clumsyHeads struct {
	live.Source
	asked chan struct{}
	times atomic.Int64
}

func (c *clumsyHeads) Heads(ctx context.Context, tenants []inbox.TenantID) (map[inbox.TenantID]inbox.Cursor, error) {
	if c.times.Add(1) == 1 {
		close(c.asked)
		panic("they cannot be read")
	}
	return c.Source.Heads(ctx, tenants)
}

// A panic while heads are polled costs that look: the next one finds what nobody told of.
func TestAPollThatPanicsIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	source := &clumsyHeads{asked: make(chan struct{})}
	p := launch(t, w, options{deaf: true, clumsy: true, live: live.Config{Poll: time.Hour}, source: func(inner live.Source) live.Source {
		source.Source = inner
		return source
	}})
	c := newClient(1000)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	p.hub.WakeAll()
	<-source.asked
	p.hub.WakeAll()
	c.await(t, "the event", func() bool { return len(c.got) == 1 })
}
