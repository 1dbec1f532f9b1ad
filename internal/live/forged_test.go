package live_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// R41, R43: every role that may connect can notify, so a notice is a reason to look and is not believed. Whatever it claims, nothing is lost, nothing
// comes twice, nobody is told to query afresh, and true notices go on to be heard.
func TestAForgedNoticeIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	var source *counting
	reader := launch(t, w, options{live: live.Config{Poll: time.Hour}, source: func(inner live.Source) live.Source {
		source = &counting{Source: inner}
		return source
	}})
	writer := launch(t, w, options{alone: true, live: live.Config{Poll: time.Hour}})
	c := newClient(100)
	defer reader.subscribe(t, s.supervisor, &visible{}, nil, c)()
	tenant := s.ID.String()
	want := 0
	for name, forged := range map[string]string{
		"far ahead":          tenant + " 9223372036854775807",
		"a little ahead":     tenant + " 1000",
		"far behind":         tenant + " 1",
		"garbage":            tenant + " 1; DROP TABLE events",
		"nothing":            "",
		"long":               strings.Repeat("9", 7000),
		"of somebody else's": inboxtest.NewID().String() + " 12",
	} {
		w.Exec("SELECT pg_notify('switchboard_events', $1)", forged)
		s.record(t, writer, 3) // the notice of these comes after the forged one
		want += 3
		c.await(t, name, func() bool { return len(c.got) >= want || c.ended })
		late := newClient(100)
		stop := reader.subscribe(t, s.supervisor, &visible{}, writer.cursor(t, s.ID, 1), late)
		late.await(t, name+": who comes back", func() bool { return len(late.got) >= want-1 || late.ended })
		stop()
		if c.ended || late.ended {
			t.Fatalf("%s: ended with %q and %q", name, c.reason, late.reason)
		}
	}
	for i, seq := range c.seen() {
		if seq != int64(i)+1 {
			t.Fatalf("after the forged notices came %v", c.seen())
		}
	}
	before := source.reads.Load()
	const flood = 2000
	w.Exec("SELECT pg_notify('switchboard_events', $1 || ' ' || n) FROM generate_series(1000000, 1000000 + $2) n", tenant, flood-1)
	s.record(t, writer, 1)
	c.await(t, "what follows the flood", func() bool { return len(c.got) == want+1 })
	if reads := source.reads.Load() - before; reads > flood/10 {
		t.Errorf("%d forged notices cost %d reads", flood, reads)
	}
	for until := time.Now().Add(deadline); ; { // a claim that nothing fulfils is looked at once and not for ever
		reads := source.reads.Load()
		<-time.After(5 * live.LongestRest)
		if source.reads.Load() == reads {
			break
		}
		if time.Now().After(until) {
			t.Fatal("reads go on although nothing happens")
		}
	}
}
