package outbound_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Renewed credentials are tried twice by every message that the old ones were refused for, whatever else it waits for when they are renewed.
func TestNewCredentialsAreTriedTwice(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"it waits for a retry": "UPDATE dispatches SET due_at = now() + interval '15 minutes'",
		"it has a call to be explained": `UPDATE dispatches SET state = 'UNKNOWN', attempt = 1, due_at = now() + interval '15 minutes',
			expires_at = now() + interval '1 day'`,
		"its lane is limited":        "UPDATE lanes SET limited_until = now() + interval '15 minutes'",
		"a breaker was open before":  "UPDATE lanes SET hold = 'BREAKER'",
		"its lane's breaker is open": "UPDATE lanes SET breaker_opened_at = now(), probe_at = now() + interval '15 minutes', failures = 5",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.send(w.tenant.Conversation(w.account), "try")
			w.Exec("INSERT INTO lanes (tenant_id, channel_account_id, hold, held_since) VALUES ($1, $2, 'REAUTH', now())", w.tenant.ID.UUID(), w.account)
			w.Exec("UPDATE dispatches SET auth_retried = true, passable_at = now()")
			w.Exec(state)
			w.vendor.behave(func(c *vendorCall) answer {
				if c.no == 1 {
					return answer{class: channel.Auth}
				}
				return answer{take: true}
			})
			w.drain()
			w.Exec("UPDATE app.clock SET shift = interval '16 minutes'")
			w.drain()
			w.wantAlert(outbound.AlertNeedsReauth, 0)
			w.wantStatus(m.ID, inbox.MessageSent)
			w.wantCalls(2)
		})
	}
}
