package outbound_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// pestered is a conversation of three messages whose first has failed once, so that it might be passed, and then met the limit of its recipient.
func pestered(t *testing.T) (w *world, conversation uuid.UUID, messages []inbox.Message) {
	t.Helper()
	w = newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	conversation = w.tenant.Conversation(w.account)
	messages = []inbox.Message{w.send(conversation, "1"), w.send(conversation, "2"), w.send(conversation, "3")}
	w.vendor.behave(func(c *vendorCall) answer {
		if c.no == 1 {
			return answer{class: channel.Transient}
		}
		return answer{class: channel.RateLimited, retryAfter: 10 * time.Minute, pair: true}
	})
	w.drain()
	w.later(31 * time.Second)
	w.wantCalls(2)
	return w, conversation, messages
}

// What waits for the limit of its recipient, or behind it, says so and until when, keeps its order whatever failed before, and is not called stuck.
func TestLimitOfOneRecipientIsExplained(t *testing.T) {
	t.Parallel()
	w, conversation, messages := pestered(t)
	w.later(4 * time.Minute)
	messages = append(messages, w.send(conversation, "4"))
	w.wantHeld(outbound.HoldRateLimit, messages...)
	due := w.dispatch(messages[0].ID).DueAt
	for _, m := range messages {
		if d := w.dispatch(m.ID); !d.Until.Equal(due) || d.HeldSince.Before(d.QueuedAt) || d.Tries > 1 {
			t.Errorf("held since %v until %v after %d tries, want until %v", d.HeldSince, d.Until, d.Tries, due)
		}
	}
	w.later(5 * time.Minute)
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.wantCalls(2)
	w.later(time.Minute)
	w.wantCalls(3)
	w.later(9 * time.Minute)
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.wantHeld(outbound.HoldRateLimit, messages...)
	w.vendor.behave(take)
	w.later(2 * time.Minute)
	calls := w.vendor.seen()
	for i, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
		if calls[3+i].Message != m.ID.String() {
			t.Errorf("message %d was not called in its order", i+1)
		}
	}
}

// The limit explains nothing any more once it is over and nobody calls.
func TestBehindALimitThatIsOverIsStuck(t *testing.T) {
	t.Parallel()
	w, _, messages := pestered(t)
	w.Exec("UPDATE app.clock SET shift = shift + interval '14 minutes'")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.Exec("UPDATE app.clock SET shift = shift + interval '2 minutes'")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, int64(len(messages)))
}

// A message that is being called explains those behind it, which have waited for the limit of the one before.
func TestBehindACallIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	w.send(conversation, "1")
	w.send(conversation, "2")
	w.Exec("UPDATE app.clock SET shift = interval '10 minutes'")
	w.Exec("UPDATE dispatches SET state = 'SENDING', attempt = 1, due_at = app.now() + interval '45 seconds' WHERE NOT waits")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.Exec("UPDATE dispatches SET state = 'READY', due_at = app.now() - interval '1 minute' WHERE NOT waits")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 1)
}
