package live_test

import (
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
