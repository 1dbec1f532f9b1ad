package inbox_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// What the operator takes away is refused: a key, and everything of an agent, until it is given back. Nobody else's is.
func TestOperatorTakesAccessAway(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	o, ring := newOperator(t, w)
	ctx := t.Context()
	if _, err := o.CreateTenant(ctx, inbox.CreateTenantInput{Slug: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ada", "bob"} {
		if _, err := o.CreateAgent(ctx, inbox.CreateAgentInput{Tenant: "acme", Name: name, Email: name + "@acme.example", Role: inbox.RoleAgent,
			Password: "correct horse"}); err != nil {
			t.Fatal(err)
		}
	}
	kept, key, err := o.CreateAPIKey(ctx, inbox.CreateAPIKeyInput{Tenant: "acme", Name: "CRM", Scopes: []inbox.Scope{inbox.ScopeSend}})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens("k:"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32)), "test", time.Minute, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	sessions := auth.New(w.DB.Auth(), tokens, auth.NewHasher(1), ring, func() time.Time { return now })
	login := func(name string) auth.Pair {
		t.Helper()
		pair, err := sessions.Login(ctx, "acme", name+"@acme.example", "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	ada, bob := login("ada"), login("bob")
	allowed := func(what string, want bool, with auth.Credentials) {
		t.Helper()
		if _, _, err := sessions.Authenticate(ctx, with); (err == nil) != want || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v, want allowed: %v", what, err, want)
		}
	}
	later := func() { now = now.Add(5 * time.Second) }
	allowed("the key before", true, auth.Credentials{APIKey: key})
	if err := o.RevokeAPIKey(ctx, "acme", kept.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.DisableAgent(ctx, "acme", " ADA@acme.example"); err != nil {
		t.Fatal(err)
	}
	later()
	allowed("the revoked key", false, auth.Credentials{APIKey: key})
	allowed("the disabled agent's token", false, auth.Credentials{Bearer: ada.Access})
	allowed("another agent's token", true, auth.Credentials{Bearer: bob.Access})
	if _, err := sessions.Login(ctx, "acme", "ada@acme.example", "correct horse"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the disabled agent signs in: %v", err)
	}
	if _, err := o.EnableAgent(ctx, "acme", "ada@acme.example"); err != nil {
		t.Fatal(err)
	}
	later()
	allowed("a token of before, enabled again", false, auth.Credentials{Bearer: ada.Access})
	allowed("a new sign-in", true, auth.Credentials{Bearer: login("ada").Access})
	if err := o.RevokeAPIKey(ctx, "acme", kept.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'ACCESS_CHANGED'"); n != 3 {
		t.Errorf("%d events tell the live subscriptions, want 3", n)
	}
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'ACCESS_CHANGED' AND agent_id = $1", kept.ID); n != 1 {
		t.Errorf("%d events tell those of the key, want 1", n)
	}
	if n := w.Int("SELECT count(*) FROM audit_log WHERE action IN ('api_key.revoked', 'agent.disabled', 'agent.enabled')"); n != 3 {
		t.Errorf("%d audit rows, want 3", n)
	}
}
