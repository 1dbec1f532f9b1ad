package live_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// R1, R40, R72: while webhooks come in, the primary dies and its standby is promoted. Every webhook that was acknowledged is there, once,
// also those that were sent again; a subscriber of the other process misses nothing and sees nothing twice; both processes listen
// at the new primary; and nobody had to do anything about it.
func TestFailoverToAStandbyUnderLoad(t *testing.T) {
	t.Parallel()
	const writers, before, after = 6, 150, 150
	primary, standby, d := dbtest.OwnPair(t)
	opened, err := db.Open(t.Context(), db.Config{URL: d.AppURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	d.DB = opened
	w := inboxtest.On(t, d)
	s := newShop(w, "acme")
	launch(t, w, options{})
	reader := launch(t, w, options{})
	c := newClient(10_000)
	reader.subscribe(t, s.supervisor, &visible{}, reader.cursor(t, s.ID, 0), c)

	ingest, phone := w.Ingest(), s.PhoneOf(s.one)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var acknowledged, refused atomic.Int64
	var keys sync.Map
	var writing sync.WaitGroup
	for n := range writers {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				request := inboxtest.Text(s.mine, phone, fmt.Sprint(n, " says ", i))
				if deliver(ctx, ingest, request, &refused) {
					keys.Store(request.Items[0].Key, true)
					acknowledged.Add(1)
				}
			}
		})
	}
	reach := func(total int64) {
		c.await(t, fmt.Sprint(total, " webhooks"), func() bool { return acknowledged.Load() >= total && len(c.got) >= int(total) })
	}
	reach(before)
	if err := errors.Join(primary.Kill(), standby.Promote(t.Context())); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	reach(acknowledged.Load() + after)
	t.Logf("%d webhooks were acknowledged, %d refused meanwhile; %s after the promotion another %d had come through",
		acknowledged.Load(), refused.Load(), time.Since(begun).Round(time.Millisecond), after)
	stop()
	writing.Wait()

	var all []string
	keys.Range(func(key, _ any) bool {
		all = append(all, key.(string))
		return true
	})
	if n := w.Int("SELECT count(*) FROM messages WHERE external_id = ANY ($1)", all); n != int64(len(all)) {
		t.Errorf("%d webhooks were acknowledged, %d are there", len(all), n)
	}
	if refused.Load() == 0 {
		t.Error("nothing was refused: the primary did not die under load")
	}
	head := w.Int("SELECT seq FROM tenant_heads")
	c.await(t, "the subscriber has all", func() bool { return int64(len(c.got)) >= head })
	for i, seq := range c.seen() {
		if seq != int64(i+1) {
			t.Fatalf("at place %d the subscriber got event %d", i+1, seq)
		}
	}
	const listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'switchboard-listen'"
	for tick := time.NewTicker(20 * time.Millisecond); w.Int(listening) != 2; <-tick.C {
		if time.Since(begun) > deadline {
			t.Fatalf("%d processes listen at the new primary, want 2", w.Int(listening))
		}
	}
	findings, err := opened.Verify(t.Context())
	if err != nil {
		t.Error(err)
	}
	for _, f := range findings {
		if f.Violations > 0 {
			t.Errorf("%s: %d, such as %v", f.Check, f.Violations, f.Examples)
		}
	}
}

// deliver sends a webhook again until it is acknowledged, as providers do.
func deliver(ctx context.Context, ingest *inbox.Ingest, request inbox.Request, refused *atomic.Int64) bool {
	for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		if errors.Join(ingest.Ingest(ctx, []inbox.Request{request})...) == nil {
			return true
		}
		refused.Add(1)
	}
	return false
}
