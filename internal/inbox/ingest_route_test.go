package inbox_test

import (
	"context"
	"slices"
	"testing"
	"time"

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
