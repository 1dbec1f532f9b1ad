package outbound_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

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
