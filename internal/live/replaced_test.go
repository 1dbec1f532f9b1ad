package live_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// placed keeps the places at which it was told that it has caught up.
type placed struct {
	*waitingClient
	places []string // the first is where it began
}

func (p *placed) CaughtUp(cursor string) {
	p.mu.Lock()
	p.places = append(p.places, cursor)
	p.mu.Unlock()
	p.client.CaughtUp(cursor)
}

// lingering holds up whoever ends it.
type lingering struct {
	*client
	ending func()
	leave  chan struct{}
}

func (l *lingering) End(reason live.Reason, cursor string) {
	l.ending()
	<-l.leave
	l.client.End(reason, cursor)
}

// R41: while the numbering starts over, one subscriber after the other is told. Who is still catching up meanwhile is not led on among the new
// numbers: his place means nothing there, and he could resume from a cursor that nobody was ever at.
func TestCatchingUpEndsWithTheNumbering(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"the new numbers are behind": 0, "the new numbers are ahead": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inboxtest.New(t)
			s := newShop(w, "acme")
			p := launch(t, w, options{alone: true, live: live.Config{Poll: time.Hour, Stall: time.Minute}})
			other := launch(t, w, options{alone: true})
			audience := &visible{}
			behind := &placed{waitingClient: &waitingClient{client: newClient(1), waits: make(chan struct{})}}
			behind.frozen = true
			subscribe := func(taker live.Taker) {
				stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.supervisor, Audience: audience, Taker: taker})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(stop)
			}
			subscribe(behind)
			var once sync.Once
			ending, leave := make(chan struct{}), make(chan struct{})
			crowd := make([]*client, 30)
			for i := range crowd { // so many that it is hardly the one behind who is told first
				crowd[i] = newClient(1000)
				subscribe(&lingering{client: crowd[i], leave: leave, ending: func() { once.Do(func() { close(ending) }) }})
			}
			release := sync.OnceFunc(func() { close(leave) })
			defer release()
			if err := p.record(t.Context(), s.ID, slices.Repeat([]inbox.Event{s.event()}, 60)...); err != nil { // at once: the one behind holds all of them
				t.Fatal(err)
			}
			for _, c := range crowd {
				c.await(t, "all events", func() bool { return len(c.got) == 60 })
			}
			<-behind.waits
			epoch := inboxtest.NewID()
			s.goBack(20, &epoch)
			s.record(t, other, more)
			p.hub.Wake(s.ID, 61)
			<-ending // the stream stands among the new numbers, and few have been told
			behind.mu.Lock()
			behind.frozen, behind.buffer, behind.size = false, 0, 1000
			behind.touch()
			behind.mu.Unlock()
			behind.await(t, "the rest of before", func() bool { return len(behind.got) >= 60 || behind.ended })
			wait, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_ = behind.until(wait, func() bool { return len(behind.places) > 1 || len(behind.got) > 60 })
			release()
			behind.await(t, "the end", func() bool { return behind.ended })
			if len(behind.places) > 1 || len(behind.got) > 60 || behind.reason != live.CursorUnknown {
				t.Errorf("told that it caught up at %v, after %d items, and ended with %q", behind.places, len(behind.got), behind.reason)
			}
		})
	}
}

// R41: who reads history of a process that has not noticed yet that the numbering was replaced gets none of the new events as if they followed
// his place, and the process notices.
func TestHistoryOfAnotherNumberingIsNotTaken(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	other := launch(t, w, options{alone: true})
	s.record(t, other, 60)
	old := other.cursor(t, s.ID, 10)
	p := launch(t, w, options{deaf: true, live: live.Config{Poll: time.Hour}})
	listening, resuming := newClient(100), newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, listening)()
	epoch := inboxtest.NewID()
	s.goBack(20, &epoch)
	s.record(t, other, 40)
	defer p.subscribe(t, s.supervisor, &visible{}, old, resuming)()
	resuming.await(t, "the end", func() bool { return resuming.ended || len(resuming.got) > 0 })
	listening.await(t, "the end", func() bool { return listening.ended })
	if got := resuming.seen(); len(got) > 0 || resuming.reason != live.CursorUnknown || listening.reason != live.CursorUnknown {
		t.Errorf("resumed with %v, and ended with %q and %q", got, resuming.reason, listening.reason)
	}
	fresh := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, &resuming.cursor, fresh)()
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	p.hub.Wake(s.ID, 81)
	fresh.await(t, "what followed", func() bool { return len(fresh.got) == 1 })
	if cursor, _ := inbox.ParseCursor(fresh.cursor); cursor.Seq != 81 {
		t.Errorf("after the end came %d", cursor.Seq)
	}
}
