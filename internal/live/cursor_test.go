package live_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// R41: a cursor that cannot be continued is answered with exactly one reason, and with nothing else.
func TestALostPlaceIsTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s, foreign := newShop(w, "acme"), newShop(w, "other")
	p := launch(t, w, options{live: live.Config{History: 40}})
	for range 60 {
		for _, x := range []*shop{s, foreign} {
			if err := p.record(t.Context(), x.ID, x.event()); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Exec("DELETE FROM events WHERE tenant_id = $1 AND seq <= 30", s.ID.UUID())
	for name, test := range map[string]struct {
		cursor string
		reason live.Reason
	}{
		"malformed":        {"x", live.CursorUnknown},
		"empty":            {"", live.CursorUnknown},
		"huge":             {strings.Repeat("A", 5000), live.CursorUnknown},
		"another tenant":   {*p.cursor(t, foreign.ID, 55), live.CursorUnknown},
		"another epoch":    {inbox.Cursor{Epoch: "AAAAAAAA", Seq: 55}.String(), live.CursorUnknown},
		"the future":       {*p.cursor(t, s.ID, 61), live.CursorUnknown},
		"the far future":   {*p.cursor(t, s.ID, 1<<61), live.CursorUnknown},
		"not kept":         {*p.cursor(t, s.ID, 29), live.CursorTooOld},
		"too far behind":   {*p.cursor(t, s.ID, 19), live.CursorTooOld},
		"the first kept":   {*p.cursor(t, s.ID, 30), live.Over},
		"right at the end": {*p.cursor(t, s.ID, 60), live.Over},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(100)
			stop := p.subscribe(t, s.supervisor, &visible{}, &test.cursor, c)
			defer stop()
			c.await(t, name, func() bool { return c.ended || c.caught > 0 })
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.reason != test.reason || c.ended != (test.reason != live.Over) {
				t.Fatalf("ended %v with %q, want %q", c.ended, c.reason, test.reason)
			}
			if c.ended && (len(c.got) != 0 || c.cursor != *p.cursor(t, s.ID, 60)) {
				t.Errorf("got %v, and the cursor %q that is not the stream's", c.got, c.cursor)
			}
		})
	}
}

// R41: events go by dropping the volume that holds them. A cursor into it is told so, once, with the place to go on from; one at its end is
// continued. It is the same for a process that was there all the time and for one that starts afterwards.
func TestACursorIntoADroppedVolume(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	pass := func(shift time.Duration) {
		w.Shift(shift)
		w.Exec("UPDATE app.volumes SET made_at = made_at - interval '1 hour'")
		for did := "something"; did != ""; {
			var err error
			if did, err = p.db.Outbound().TurnVolumes(t.Context(), 14*24*time.Hour, 30*24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	record := func() {
		for range 5 {
			if err := p.record(t.Context(), s.ID, s.event()); err != nil {
				t.Fatal(err)
			}
		}
	}
	record()
	pass(8 * 24 * time.Hour)
	record()
	within, edge, end := p.cursor(t, s.ID, 3), p.cursor(t, s.ID, 5), p.cursor(t, s.ID, 10)
	whole := newClient(100)
	defer launch(t, w, options{}).subscribe(t, s.supervisor, &visible{}, within, whole)()
	whole.await(t, "both volumes", func() bool { return len(whole.got) == 7 })
	pass(23 * 24 * time.Hour)
	if n := w.Int("SELECT count(*) FROM events"); n != 5 {
		t.Fatalf("%d events are kept, want those of the second volume", n)
	}
	for name, reader := range map[string]*process{"a process that was there": p, "a process that starts": launch(t, w, options{})} {
		lost, held := newClient(100), newClient(100)
		defer reader.subscribe(t, s.supervisor, &visible{}, within, lost)()
		defer reader.subscribe(t, s.supervisor, &visible{}, edge, held)()
		lost.await(t, name, func() bool { return lost.ended })
		held.await(t, name, func() bool { return len(held.got) == 5 })
		if lost.reason != live.CursorTooOld || len(lost.got) != 0 || lost.cursor != *end {
			t.Errorf("%s: ended with %q and the cursor %q after %v", name, lost.reason, lost.cursor, lost.got)
		}
		if got := held.seen(); got[0] != 6 || held.ended {
			t.Errorf("%s: from the edge on came %v, ended %v", name, got, held.ended)
		}
	}
	pass(60 * 24 * time.Hour) // nothing is left of what the tenant did
	if n := w.Int("SELECT count(*) FROM events"); n != 0 {
		t.Fatalf("%d events are kept", n)
	}
	last, now := newClient(100), newClient(100)
	fresh := launch(t, w, options{})
	defer fresh.subscribe(t, s.supervisor, &visible{}, edge, last)()
	defer fresh.subscribe(t, s.supervisor, &visible{}, end, now)()
	last.await(t, "the end", func() bool { return last.ended })
	if last.reason != live.CursorTooOld {
		t.Errorf("without any events a cursor ended with %q", last.reason)
	}
	record()
	now.await(t, "what comes after all was dropped", func() bool { return len(now.got) == 5 })
}

// R41: a database that was restored from a backup numbers anew; whoever listens is told, and so is whoever comes back.
func TestAnotherEpochIsTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	c := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, nil, c)()
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "the first event", func() bool { return len(c.got) == 1 })
	old := c.cursor
	w.Exec("UPDATE tenant_heads SET epoch = $2, seq = 0 WHERE tenant_id = $1", s.ID.UUID(), uuid.New())
	w.Exec("DELETE FROM events WHERE tenant_id = $1", s.ID.UUID())
	for range 3 {
		if err := p.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
	}
	c.await(t, "the end", func() bool { return c.ended })
	if c.reason != live.CursorUnknown || len(c.got) != 1 {
		t.Errorf("ended with %q after %v", c.reason, c.got)
	}
	again := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, &old, again)()
	again.await(t, "the end of the old cursor", func() bool { return again.ended })
	fresh := newClient(100)
	defer p.subscribe(t, s.supervisor, &visible{}, &again.cursor, fresh)()
	if err := p.record(t.Context(), s.ID, s.event()); err != nil {
		t.Fatal(err)
	}
	fresh.await(t, "an event of the new epoch", func() bool { return len(fresh.got) > 0 })
}

// R42: when NOTIFY is lost, the poll finds what happened.
func TestThePollFindsWhatNobodyTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{deaf: true})
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	if err := p.record(t.Context(), s.ID, s.event(), s.event()); err != nil {
		t.Fatal(err)
	}
	c.await(t, "both events", func() bool { return len(c.got) == 2 })
}

// Between two processes a change takes NOTIFY's way; the poll of the one that reads is set so far out that it cannot help.
func TestAnotherProcessHearsAtOnce(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	writer, reader := launch(t, w, options{}), launch(t, w, options{live: live.Config{Poll: time.Hour}})
	c := newClient(1000)
	defer reader.subscribe(t, s.agent, &visible{}, nil, c)()
	for i := range 20 {
		if err := writer.record(t.Context(), s.ID, s.event()); err != nil {
			t.Fatal(err)
		}
		c.await(t, "the event", func() bool { return len(c.got) == i+1 })
	}
}

// R43: what goes over NOTIFY is a tenant and a number, whatever the change holds.
func TestNotifyCarriesNothing(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	conn, err := pgx.Connect(t.Context(), w.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "LISTEN switchboard_events"); err != nil {
		t.Fatal(err)
	}
	c := newClient(100)
	defer p.subscribe(t, s.agent, &visible{}, nil, c)()
	secret := strings.Repeat("do not tell ", 1<<20/12)
	message := s.Inbound(s.one, secret)
	e := s.event()
	e.Kind, e.MessageID = inbox.EventMessageCreated, &message
	if err := p.record(t.Context(), s.ID, e); err != nil {
		t.Fatal(err)
	}
	notice, err := conn.WaitForNotification(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s %d", s.ID, 1); notice.Payload != want || len(notice.Payload) >= 100 {
		t.Errorf("the payload is %.200q, want %q", notice.Payload, want)
	}
	c.await(t, "the event", func() bool { return len(c.got) == 1 })
	if got := c.items[0].Snapshot().Messages[message]; got == nil || got.Text != secret {
		t.Error("the message did not come whole")
	}
}

// R46: whoever queries and then subscribes with the query's cursor misses nothing: the versions of the row go on without a gap from
// the one the query showed.
func TestQueryThenSubscribe(t *testing.T) {
	t.Parallel()
	const changes = 200
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	writer, reader := launch(t, w, options{}), launch(t, w, options{})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range changes {
			if err := s.change(t, writer); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var at int64
	for at < changes {
		var cursor string
		var shown int64
		err := reader.db.ReadTenant(t.Context(), s.ID, func(tx inbox.Tx) error {
			seq, epoch, err := tx.Head(t.Context())
			if err != nil {
				return err
			}
			cursor, at = inbox.Cursor{Epoch: epoch, Seq: seq}.String(), seq
			found, err := tx.ConversationsByIDs(t.Context(), []uuid.UUID{s.one})
			if err == nil {
				shown = found[0].Version
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(1000)
		stop := reader.subscribe(t, s.agent, &visible{}, &cursor, c)
		c.await(t, "what follows the query", func() bool { return int64(len(c.got)) >= min(5, changes-at) })
		stop()
		for i, item := range c.items {
			if item.Version > shown+int64(i)+1 || item.Snapshot().Conversations[s.one].Version < item.Version {
				t.Fatalf("the query showed version %d; change %d after it is version %d, beside a node of version %d",
					shown, i, item.Version, item.Snapshot().Conversations[s.one].Version)
			}
		}
	}
}

// change writes the next version of the conversation with its event.
func (s *shop) change(t *testing.T, p *process) error {
	return p.db.InTenant(t.Context(), s.ID, func(tx inbox.Tx) error {
		locked, err := tx.LockConversations(t.Context(), []uuid.UUID{s.one})
		if err != nil {
			return err
		}
		before := locked[0]
		locked[0].Version++
		tx.Record(inbox.ConversationEvent(inbox.EventConversationFlagged, inbox.SystemActor(s.ID), &before, &locked[0], time.Now()))
		return tx.UpdateConversations(t.Context(), slices.Clone(locked))
	})
}
