package graph_test

import (
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
