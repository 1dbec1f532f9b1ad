package live_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// waitingClient tells when somebody waits for its buffer.
type waitingClient struct {
	*client
	once  sync.Once
	waits chan struct{}
}

func (c *waitingClient) Wait(ctx context.Context) error {
	c.once.Do(func() { close(c.waits) })
	return c.client.Wait(ctx)
}

// While a subscriber waits for room, the reader lets go of what old items point to; the item that is waiting keeps it.
func TestAnItemThatWaitsForRoomKeepsWhatItPointsTo(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{live: live.Config{Stall: time.Minute}})
	slow, quick := &waitingClient{client: newClient(1), waits: make(chan struct{})}, newClient(10_000)
	slow.frozen = true
	audience := &visible{}
	stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: s.agent, Audience: audience, Taker: slow})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer p.subscribe(t, s.agent, audience, nil, quick)()
	record := func(n int) {
		events := make([]inbox.Event, n)
		for i := range events {
			events[i] = s.event()
		}
		if err := p.record(t.Context(), s.ID, events...); err != nil {
			t.Fatal(err)
		}
	}
	const first, burst = 2, 1000
	record(first)
	<-slow.waits
	record(burst)
	quick.await(t, "the burst", func() bool { return len(quick.got) == first+burst })
	slow.mu.Lock()
	slow.frozen, slow.buffer = false, 0
	slow.touch()
	slow.mu.Unlock()
	slow.await(t, "the rest", func() bool { return len(slow.got) == first+burst })
	for i, seq := range slow.seen() {
		if seq != int64(i)+1 {
			t.Fatalf("item %d has number %d", i, seq)
		}
	}
}
