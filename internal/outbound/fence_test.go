package outbound_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// onRing calls itself for every ring.
type onRing func(account uuid.UUID)

// Ring implements outbound.Bells.
func (f onRing) Ring(_ context.Context, _ inbox.TenantID, account uuid.UUID) { f(account) }

// R11: whoever answers the bell finds the row. A ring inside the transaction is answered by a worker that finds nothing, and the message
// waits for the next sweep.
func TestTheBellRingsAfterTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var found []int64
	out := w.process(func(c *outbound.Config) {
		c.Bells = onRing(func(account uuid.UUID) {
			found = append(found, w.Int("SELECT count(*) FROM dispatches WHERE channel_account_id = $1", account))
		})
	})
	conversation, text := w.tenant.Conversation(w.account), "hello"
	if _, err := out.SendMessage(t.Context(), w.agent, outbound.SendMessageInput{ConversationID: conversation, Text: &text}); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0] != 1 {
		t.Errorf("whoever was rung for found %v rows, want one row once", found)
	}
	long := "x\x00"
	if _, err := out.SendMessage(t.Context(), w.agent, outbound.SendMessageInput{ConversationID: conversation, Text: &long}); err == nil || len(found) != 1 {
		t.Errorf("a refused message rang: %v, %v", found, err)
	}
}

// R12: a refusal that comes when the message has another attempt by now is told of its own attempt, and moves nothing else.
func TestLateFailureOfAnOldAttemptMovesNothing(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]answer{"passing": {status: 500}, "final": {class: channel.Permanent}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.send(w.tenant.Conversation(w.account), "late")
			answered, begun := make(chan struct{}), make(chan struct{})
			w.vendor.behave(func(*vendorCall) answer {
				close(begun)
				late := said
				late.wait = answered
				return late
			})
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.drain()
			}()
			<-begun
			w.Exec("UPDATE dispatches SET state = 'SENDING', attempt = attempt + 1, due_at = app.now() + interval '1 hour' WHERE message_id = $1", m.ID)
			close(answered)
			<-done
			w.wantStatus(m.ID, inbox.MessageQueued)
			d := w.dispatch(m.ID)
			if d == nil || d.State != outbound.Sending || d.Attempt != 2 || w.Int("SELECT count(*) FROM dispatches WHERE due_at > app.now() + interval '50 minutes'") != 1 {
				t.Errorf("the old attempt's answer moved the new one: %+v", d)
			}
			if n := w.Int("SELECT count(*) FROM delivery_attempts WHERE message_id = $1 AND outcome <> 'SENDING' AND finished_at IS NOT NULL", m.ID); n != 1 {
				t.Errorf("%d attempts are told of", n)
			}
		})
	}
}
