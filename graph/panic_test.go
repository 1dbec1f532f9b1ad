package graph_test

import (
	"sync/atomic"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// A panic while an item is rendered for many is a try that failed: it is rendered again, and all are shown it.
func TestARenderingThatPanicsIsMadeAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	boxes := []*box{d.follow(d.boss, alertQuery, nil), d.follow(d.boss, alertQuery, nil)}
	alert := inboxtest.NewID()
	d.w.Exec(`INSERT INTO alerts (tenant_id, id, kind, subject_id, message, opened_at) VALUES ($1, $2, 'STUCK', $2, 'x', now())`, d.ID.UUID(), alert)
	d.clumsy.Store(1)
	d.record(inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert})
	for _, b := range boxes {
		item := b.item(t, 0)
		if shown, ok := item["alert"].(map[string]any); !ok || shown["id"] != alert.String() {
			t.Errorf("shown %v", item)
		}
	}
	if d.clumsy.Load() >= 0 {
		t.Error("nothing panicked")
	}
}

// A panic while numbers are read costs that reading: they are read again, and told.
func TestNumbersWhoseReadingPanicsAreReadAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	b := d.follow(d.kim, unreadQuery, nil)
	b.number(t, "the badge at once", unreadOf, 1)
	d.clumsy.Store(1)
	d.say(conversation, "is anybody there?")
	if changed := b.item(t, 1)["changed"].([]any); len(changed) != 1 {
		t.Errorf("told of %v", changed)
	}
	if d.clumsy.Load() >= 0 {
		t.Error("nothing panicked")
	}
}

// clumsyBox panics over what it is to take, so many times.
type clumsyBox struct {
	*box
	left atomic.Int64
}

func (b *clumsyBox) Next(payload []byte) bool {
	if b.left.Add(-1) >= 0 {
		panic("it cannot be taken")
	}
	return b.box.Next(payload)
}

// A panic while numbers are sent to one viewer costs that sending: he is told them again, with what changed, and the others notice nothing.
func TestNumbersWhoseSendingPanicsAreToldAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	b, other := &clumsyBox{box: newBox()}, d.follow(d.max, unreadQuery, nil)
	stop, err := d.open(d.kim, unreadQuery, nil, b)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, viewer := range []*box{b.box, other} {
		viewer.number(t, "the badge at once", unreadOf, 1)
	}
	b.left.Store(1)
	d.say(conversation, "is anybody there?")
	for _, viewer := range []*box{other, b.box} {
		if changed := viewer.item(t, 1)["changed"].([]any); len(changed) != 1 {
			t.Errorf("told of %v", changed)
		}
	}
	if b.left.Load() >= 0 {
		t.Error("nothing panicked")
	}
}
