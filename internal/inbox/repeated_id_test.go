package inbox_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TestOneIDIsOneMessageWhoeverSentIt delivers one provider id at the same moment from two people through two pools. Nobody holds a lock
// that both need, so only the unique key keeps the second one out. (R2)
func TestOneIDIsOneMessageWhoeverSentIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("2009")
	other := w.second()
	lanes := []*inbox.Ingest{w.ingest(), w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Directory = other, other })}
	people := []string{"+491711234567", "+491711234568"}
	for i, phone := range people {
		if err := deliver(lanes[i], h.text(fmt.Sprint("first", i), phone, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	const rounds = 60
	for round := range rounds {
		start := make(chan struct{})
		var together sync.WaitGroup
		for i, phone := range people {
			together.Go(func() {
				<-start
				if err := deliver(lanes[i], h.text(fmt.Sprint("again", round), phone, "mine")); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		together.Wait()
	}
	if n := w.count("messages"); n != rounds+2 {
		t.Errorf("%d messages, want %d", n, rounds+2)
	}
	if sum := h.balanced(); sum.Applied != rounds+2 || sum.Duplicate != rounds {
		t.Errorf("ledger = %+v", sum)
	}
}
