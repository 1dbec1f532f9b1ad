package outbound_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Credentials that were sealed for another account open nowhere else: nothing is called with them, the account's alert opens, and the message says
// why it waits, until it has its own again. (R61)
func TestMovedCredentialsCallNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.addAccount(w.tenant, "support")
	m := w.send(w.tenant.Conversation(w.account), "hello")
	w.Exec("UPDATE channel_accounts SET credentials_sealed = (SELECT credentials_sealed FROM channel_accounts WHERE id = $2) WHERE id = $1", w.account, other)
	w.drain()
	w.wantCalls(0)
	w.wantAlert(outbound.AlertNeedsReauth, 1)
	if d := w.dispatch(m.ID); d == nil || d.Hold != outbound.HoldReauth {
		t.Fatalf("it is not held for its credentials: %+v", d)
	}
	attempts := w.attempts(m.ID)
	if len(attempts) == 0 {
		t.Fatal("no attempt tells why")
	}
	for _, a := range attempts {
		if a.Code != "credentials" || a.Reason == "" {
			t.Errorf("an attempt tells %q, %q", a.Code, a.Reason)
		}
	}
	w.setToken(w.tenant, w.account, "let me in")
	w.Exec("UPDATE channel_accounts SET status = 'ACTIVE'")
	w.sweep()
	w.drain()
	w.wantStatus(m.ID, inbox.MessageSent)
	w.wantCalls(1)
}
