package live_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// judging is a modest audience in which something happens after it has been decided who may see the first item.
type judging struct {
	modest
	once   sync.Once
	judged *inbox.Snapshot
	after  func()
}

func (j *judging) View(item *live.Item, actor inbox.Actor) live.View {
	view := j.modest.View(item, actor)
	j.once.Do(func() {
		j.judged = item.Snapshot()
		j.after()
	})
	return view
}

// Who may see an item is told from what is shown of it: somebody who loads more of the same item in between changes neither.
func TestWhatWasJudgedIsTaken(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	p := launch(t, w, options{})
	beginning := p.cursor(t, s.ID, 0)
	audience, first, wide := &judging{modest: modest{needs: inbox.Reach{Conversations: true}}}, newClient(10), newClient(10)
	audience.after = func() {
		t.Cleanup(p.subscribe(t, s.supervisor, &visible{}, beginning, wide))
		wide.await(t, "the same item, with more", func() bool { return len(wide.got) == 1 })
	}
	defer p.subscribe(t, s.agent, audience, nil, first)()
	s.record(t, p, 1)
	first.await(t, "the item", func() bool { return len(first.got) == 1 })
	if wide.items[0].Snapshot() == audience.judged {
		t.Fatal("nothing more was loaded, so nothing is shown here")
	}
	if first.items[0].Snapshot() != audience.judged {
		t.Error("taken with something else than what was looked at")
	}
}

// Somebody who needs more comes after a page was read and before it is offered. While that cannot be loaded the whole tenant waits, so the log tells it
// as it does when the page itself cannot be read.
func TestAnOfferThatWaitsIsTold(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	var log bytes.Buffer
	var source *late
	away := &failing{}
	p := launch(t, w, options{live: live.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}, source: func(inner live.Source) live.Source {
		away.Source = inner
		source = &late{Source: away}
		return source
	}})
	modest, wide := &modest{needs: inbox.Reach{Conversations: true}}, newClient(10)
	first := newClient(10)
	defer p.subscribe(t, s.agent, modest, nil, first)()
	source.meanwhile = func() {
		t.Cleanup(p.subscribe(t, s.supervisor, &visible{}, nil, wide))
		wide.await(t, "its turn", func() bool { return wide.caught == 1 })
		away.left.Store(2)
	}
	s.record(t, p, 1)
	first.await(t, "the item", func() bool { return len(first.got) == 1 })
	wide.await(t, "the item", func() bool { return len(wide.got) == 1 })
	if told := strings.Count(log.String(), "what events point to cannot be read"); told != 2 {
		t.Errorf("it was told %d times that nothing could be offered, want once for each of 2 tries: %s", told, log.String())
	}
}
