package outbound_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// R19: of many messages to one person only the first is looked at; each that ends calls the next, in order, until all are sent.
func TestEachMessageCallsTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	var messages []inbox.Message
	for range 30 {
		messages = append(messages, w.send(conversation, "one after the other"))
	}
	if n := w.Int("SELECT count(*) FROM dispatches WHERE NOT waits"); n != 1 {
		t.Errorf("%d messages of the conversation are looked at, want 1", n)
	}
	w.drain()
	calls := w.vendor.seen()
	if len(calls) != len(messages) {
		t.Fatalf("%d calls for %d messages", len(calls), len(messages))
	}
	for i, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
		if calls[i].Message != m.ID.String() {
			t.Errorf("call %d was for another message", i+1)
		}
	}
}

// R10: a row that waits for nobody is sent all the same: a binary from before rows waited deletes the one before it and calls none.
func TestUncalledMessageIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stale, kept := w.tenant.Conversation(w.account), w.tenant.Conversation(w.account)
	first := w.send(stale, "finished by an older binary")
	messages := []inbox.Message{w.send(stale, "waits for nobody"), w.send(stale, "waits for that one")}
	w.send(kept, "first")
	w.send(kept, "waits for the first")
	w.Exec("DELETE FROM dispatches WHERE message_id = $1", first.ID)
	if n := w.Int("SELECT count(*) FROM dispatches WHERE conversation_id = $1 AND waits", stale); n != 2 {
		t.Fatalf("%d rows wait, want 2", n)
	}
	w.sweep()
	if n := w.Int("SELECT count(*) FROM dispatches WHERE NOT waits"); n != 2 {
		t.Errorf("%d rows are looked at, want the first of each conversation", n)
	}
	w.drain()
	for _, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
	}
}
