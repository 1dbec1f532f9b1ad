package outbound_test

import (
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// What an agent is shown of the reply window and what the server enforces are the same, on every channel.
func TestShownAndEnforcedWindowAreTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := "hi"
	for _, channel := range []inbox.Channel{inbox.ChannelWhatsApp, inbox.ChannelMessenger, inbox.ChannelInstagram, inbox.ChannelSMS} {
		w.Exec("UPDATE channel_accounts SET channel = $1", string(channel))
		id := w.tenant.Conversation(w.account)
		w.Exec("UPDATE conversations SET last_inbound_at = now() - interval '25 hours' WHERE id = $1", id)
		c, err := inbox.New(w.DB, time.Now).Conversation(t.Context(), w.agent, id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.out.SendMessage(t.Context(), w.agent, outbound.SendMessageInput{ConversationID: id, Text: &text})
		if shown, enforced := !c.ReplyWindow(channel, time.Now()).Open, fault.Is(err, fault.ReplyWindowClosed); shown != enforced {
			t.Errorf("%s: shown shut %v, enforced %v (%v)", channel, shown, enforced, err)
		}
	}
}
