package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// asked notes which account keys the directory is asked about.
type asked struct {
	inbox.Directory
	refs []string
}

func (a *asked) AccountsByRef(ctx context.Context, provider string, refs []string) (map[string]inbox.Route, error) {
	a.refs = append(a.refs, refs...)
	return a.Directory.AccountsByRef(ctx, provider, refs)
}

// A route is remembered for two seconds, an account that is not there not at all, and a disabled one no longer than that.
func TestRoutesAreRememberedForTwoSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, directory, now := w.house("4101"), &asked{Directory: w.DB}, time.Now()
	in := w.ingest(func(c *inbox.IngestConfig) {
		c.Directory, c.Clock = directory, func() time.Time { return now }
	})
	expect := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(directory.refs, want) {
			t.Errorf("%s: the directory was asked about %v, want %v", what, directory.refs, want)
		}
		directory.refs = nil
	}
	strays := func() []string {
		return many[string](w, "SELECT item_key FROM app.unrouted_webhook_items ORDER BY received_at, item_key")
	}
	later := &house{world: w, ref: "4102"}

	w.send(in, h.text("a1", "+491711234567", "first"), later.text("b1", "+491711234567", "to nobody yet"))
	expect("at first", "4101", "4102")
	later = w.house("4102")
	w.send(in, h.text("a2", "+491711234567", "again"), later.text("b2", "+491711234567", "to somebody"))
	expect("what was not there", "4102")
	if got := strays(); !slices.Equal(got, []string{"b1"}) {
		t.Errorf("strays = %v", got)
	}
	w.exec("UPDATE channel_accounts SET status = 'DISABLED' WHERE external_ref = '4101'")
	now = now.Add(2 * time.Second)
	w.send(in, h.text("a3", "+491711234567", "too late"))
	expect("after two seconds", "4101")
	if got := strays(); !slices.Equal(got, []string{"b1", "a3"}) {
		t.Errorf("strays = %v", got)
	}
	if n := w.count("messages"); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// slow answers about accounts when it is told to, and counts who asks.
type slow struct {
	inbox.Directory
	asks    atomic.Int64
	answers chan struct{}
}

func (s *slow) AccountsByRef(ctx context.Context, provider string, refs []string) (map[string]inbox.Route, error) {
	s.asks.Add(1)
	select {
	case <-s.answers:
		return s.Directory.AccountsByRef(ctx, provider, refs)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// When a route grows old, one webhook of many asks for it and the others do not wait; once it is too old, nobody goes on with it.
func TestOneWebhookAsksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, directory := w.house("4103"), &slow{Directory: w.DB, answers: make(chan struct{}, 2)}
	var at atomic.Int64
	at.Store(time.Now().UnixNano())
	in := w.ingest(func(c *inbox.IngestConfig) {
		c.Directory, c.Clock = directory, func() time.Time { return time.Unix(0, at.Load()) }
	})
	directory.answers <- struct{}{}
	w.send(in, h.text("c0", "+491711234567", "first"))

	at.Add(int64(1600 * time.Millisecond))
	var askers sync.WaitGroup
	ask := func(item channel.Item) {
		askers.Go(func() {
			if err := deliver(in, item); err != nil {
				t.Error(err)
			}
		})
	}
	ask(h.text("c1", "+491711234567", "who asks"))
	eventually(t, func() bool { return directory.asks.Load() == 2 })
	w.send(in, h.text("c2", "+491711234567", "who does not"), h.text("c3", "+491711234567", "nor this"))
	if n := directory.asks.Load(); n != 2 {
		t.Errorf("the directory was asked %d times, want 2", n)
	}
	at.Add(int64(500 * time.Millisecond))
	ask(h.text("c4", "+491711234567", "too old to go on with"))
	eventually(t, func() bool { return directory.asks.Load() == 3 })
	directory.answers <- struct{}{}
	directory.answers <- struct{}{}
	askers.Wait()
	if n := w.count("messages"); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
}

// When the machine's clock is put back, nobody knows how old a route is: the directory is asked.
func TestRoutesEndWhenTheClockIsPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, now := w.house("4104"), time.Now()
	in := w.ingest(func(c *inbox.IngestConfig) { c.Clock = func() time.Time { return now } })
	w.send(in, h.text("d1", "+491711234567", "first"))
	w.exec("UPDATE channel_accounts SET status = 'DISABLED' WHERE external_ref = '4104'")
	for _, back := range []time.Duration{time.Hour, 50 * time.Minute, 40 * time.Minute} {
		now = time.Now().Add(-back)
		w.send(in, h.text(fmt.Sprint("d", back), "+491711234567", "to a disabled account"))
	}
	if n := w.count("messages"); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}
