package graph_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Whoever reads an event later than others is shown what it points to as of the moment as of which it was decided that he may see it, and not what
// was rendered for those who had it before.
func TestARenderingIsOfTheMomentThatWasJudged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation, busy := d.Conversation(d.mine), d.Conversation(d.mine)
	variables := map[string]any{"id": conversation.String()}
	early := d.follow(d.kim, threadQuery, variables)
	message := d.say(conversation, "before")
	early.await(t, "the message", func() bool { return len(early.payloads) == 1 })
	d.say(conversation, "the next")
	early.await(t, "the next message", func() bool { return len(early.payloads) == 2 })
	// So much that what the first events point to is let go.
	all := d.follow(d.boss, listQuery, nil)
	events := make([]inbox.Event, 300)
	for i := range events {
		events[i] = fence(busy, d.mine)
	}
	d.record(events...)
	all.await(t, "much else", func() bool { return len(all.payloads) == len(events) })
	d.w.Exec("UPDATE messages SET text = 'after' WHERE id = $1", message)
	// Several come back at once: they share what is read and rendered anew.
	variables["after"] = d.beginning()
	late := []*box{d.follow(d.max, threadQuery, variables), d.follow(d.boss, threadQuery, variables)}
	for _, b := range late {
		b.await(t, "both messages", func() bool { return len(b.payloads) == 2 })
		if m := b.item(t, 0)["message"].(map[string]any); m["text"] != "after" {
			t.Errorf("shown %v, which was rendered before he was judged", m["text"])
		}
	}
	if &late[0].payloads[0][0] != &late[1].payloads[0][0] {
		t.Error("who read the same at the same moment do not share its rendering")
	}
}
