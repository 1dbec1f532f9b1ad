package inbox_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

func newOperator(t *testing.T, w *inboxtest.World) (*inbox.Operator, *secret.Keyring) {
	t.Helper()
	ring, err := secret.ParseKeyring("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	whatsapp, err := meta.New(meta.Config{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := channel.NewRegistry(whatsapp)
	if err != nil {
		t.Fatal(err)
	}
	tools := inbox.OperatorTools{HashPassword: auth.NewHasher(1).Hash, NewAPIKey: auth.NewAPIKey, Ring: ring, Providers: registry}
	return inbox.NewOperator(w.DB.Operator(), tools, time.Now), ring
}

func TestOperatorMakesATenantThatWorks(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	o, ring := newOperator(t, w)
	ctx := t.Context()
	acme, err := o.CreateTenant(ctx, inbox.CreateTenantInput{Slug: "acme", Name: " Acme ", ReopenWithinDays: 3})
	if err != nil || acme.Name != "Acme" {
		t.Fatal(acme, err)
	}
	team, err := o.CreateTeam(ctx, "ACME", "Support")
	if err != nil {
		t.Fatal(err)
	}
	agent, err := o.CreateAgent(ctx, inbox.CreateAgentInput{Tenant: "acme", Name: "Ada", Email: "Ada@acme.example", Role: inbox.RoleAgent,
		Teams: []string{"Support", "Support"}, Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	kept, key, err := o.CreateAPIKey(ctx, inbox.CreateAPIKeyInput{Tenant: "acme", Name: "CRM", Scopes: []inbox.Scope{inbox.ScopeSend}})
	if err != nil {
		t.Fatal(err)
	}
	account, err := o.CreateChannelAccount(ctx, inbox.CreateChannelAccountInput{Tenant: "acme", Channel: inbox.ChannelWhatsApp, Provider: "meta",
		ExternalRef: "10551", Name: "Main", Team: "Support", Credentials: []byte(`{"accessToken":"CANARY","appSecret":"s"}`)})
	if err != nil {
		t.Fatal(err)
	}
	var sealed []byte
	err = w.DB.ReadTenant(ctx, acme.ID, func(tx inbox.Tx) error {
		all, err := tx.SealedCredentials(ctx, []uuid.UUID{account.ID})
		sealed = all[account.ID]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ring.Open(sealed, inbox.CredentialsPlace(acme.ID, account.ID))
	if err != nil || !strings.Contains(string(plain), "CANARY") || bytes.Contains(sealed, []byte("CANARY")) {
		t.Errorf("credentials: %q, %v", plain, err)
	}
	tokens, err := auth.NewTokens("k:"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32)), "test", time.Minute, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sessions := auth.New(w.DB.Auth(), tokens, auth.NewHasher(1), ring, time.Now)
	pair, err := sessions.Login(ctx, "acme", "ada@ACME.example", "correct horse")
	if err != nil || pair.Actor.ID() != agent.ID || !pair.Actor.Visibility().Sees(account.ID, nil) {
		t.Errorf("sign-in: %+v, %v", pair.Actor, err)
	}
	if actor, _, err := sessions.Authenticate(ctx, auth.Credentials{APIKey: key}); err != nil || actor.ID() != kept.ID || !actor.Has(inbox.ScopeSend) {
		t.Errorf("api key: %+v, %v", actor, err)
	}
	if n := w.Int("SELECT count(*) FROM audit_log WHERE tenant_id = $1 AND actor_kind = 'OPERATOR'", acme.ID.UUID()); n != 5 {
		t.Errorf("%d audit rows of the operator, want 5", n)
	}
	if n := w.Int("SELECT count(*) FROM team_members WHERE team_id = $1", team.ID); n != 1 {
		t.Errorf("%d members of the team", n)
	}
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'ACCESS_CHANGED' AND agent_id = $1", agent.ID); n != 1 {
		t.Errorf("%d events tell the agent of the new account", n)
	}
}

func TestOperatorRefusesWithTheFieldAndTheRemedy(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	o, _ := newOperator(t, w)
	w.Tenant("acme")
	w.Tenant("other")
	tenant := func(slug, name string, days int) error {
		_, err := o.CreateTenant(t.Context(), inbox.CreateTenantInput{Slug: slug, Name: name, ReopenWithinDays: days})
		return err
	}
	team := func(slug, name string) error { _, err := o.CreateTeam(t.Context(), slug, name); return err }
	agent := func(change func(*inbox.CreateAgentInput)) error {
		in := inbox.CreateAgentInput{Tenant: "acme", Name: "Ada", Email: "ada@acme.example", Role: inbox.RoleAgent, Password: "long enough"}
		change(&in)
		_, err := o.CreateAgent(t.Context(), in)
		return err
	}
	key := func(change func(*inbox.CreateAPIKeyInput)) error {
		in := inbox.CreateAPIKeyInput{Tenant: "acme", Name: "CRM", Scopes: []inbox.Scope{inbox.ScopeRead}}
		change(&in)
		_, _, err := o.CreateAPIKey(t.Context(), in)
		return err
	}
	account := func(change func(*inbox.CreateChannelAccountInput)) error {
		in := inbox.CreateChannelAccountInput{Tenant: "acme", Channel: inbox.ChannelWhatsApp, Provider: "meta", ExternalRef: "1", Name: "Main",
			Credentials: []byte(`{"accessToken":"t"}`)}
		change(&in)
		_, err := o.CreateChannelAccount(t.Context(), in)
		return err
	}
	for _, err := range []error{team("acme", "Support"), agent(func(*inbox.CreateAgentInput) {}), account(func(*inbox.CreateChannelAccountInput) {})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		err   error
		code  fault.Code
		field string
	}{
		"slug":              {tenant("Acme Ltd", "x", 0), fault.Invalid, "slug"},
		"slug taken":        {tenant("acme", "x", 0), fault.Conflict, "slug"},
		"no name":           {tenant("b", " ", 0), fault.Invalid, "name"},
		"control in name":   {tenant("b", "a\x00b", 0), fault.Invalid, "name"},
		"days":              {tenant("b", "b", -1), fault.Invalid, "reopenWithinDays"},
		"unknown tenant":    {team("nobody", "x"), fault.NotFound, "tenant"},
		"team taken":        {team("acme", "Support"), fault.Conflict, "name"},
		"address":           {agent(func(in *inbox.CreateAgentInput) { in.Email = "ada" }), fault.Invalid, "email"},
		"address with name": {agent(func(in *inbox.CreateAgentInput) { in.Email = "Ada <ada@acme.example>" }), fault.Invalid, "email"},
		"address taken":     {agent(func(in *inbox.CreateAgentInput) { in.Email = "ADA@acme.example" }), fault.Conflict, "email"},
		"role":              {agent(func(in *inbox.CreateAgentInput) { in.Role = "BOSS" }), fault.Invalid, "role"},
		"short password":    {agent(func(in *inbox.CreateAgentInput) { in.Password = "short" }), fault.Invalid, "password"},
		"unknown team":      {agent(func(in *inbox.CreateAgentInput) { in.Email, in.Teams = "b@b.example", []string{"x"} }), fault.Invalid, "team"},
		"no scope":          {key(func(in *inbox.CreateAPIKeyInput) { in.Scopes = nil }), fault.Invalid, "scope"},
		"unknown scope":     {key(func(in *inbox.CreateAPIKeyInput) { in.Scopes = []inbox.Scope{"root"} }), fault.Invalid, "scope"},
		"expired":           {key(func(in *inbox.CreateAPIKeyInput) { in.ExpiresAt = &past }), fault.Invalid, "expires"},
		"channel":           {account(func(in *inbox.CreateChannelAccountInput) { in.Channel = "FAX" }), fault.Invalid, "channel"},
		"provider":          {account(func(in *inbox.CreateChannelAccountInput) { in.Provider = "x" }), fault.Invalid, "provider"},
		"reference taken":   {account(func(in *inbox.CreateChannelAccountInput) { in.Tenant = "other" }), fault.Conflict, "externalRef"},
		"not an object":     {account(func(in *inbox.CreateChannelAccountInput) { in.Credentials = []byte(`[]`) }), fault.Invalid, "credentials"},
		"bad settings":      {account(func(in *inbox.CreateChannelAccountInput) { in.Settings = []byte(`1`) }), fault.Invalid, "settings"},
	} {
		var f *fault.Error
		if !errors.As(c.err, &f) || f.Code != c.code || f.Field != c.field {
			t.Errorf("%s: %v, want %s of %q", name, c.err, c.code, c.field)
		}
	}
	err := account(func(in *inbox.CreateChannelAccountInput) { in.ExternalRef, in.Credentials = "2", []byte(`{}`) })
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "accessToken is missing") {
		t.Errorf("what the provider refuses: %v", err)
	}
	if n := w.Int("SELECT count(*) FROM agents"); n != 1 {
		t.Errorf("%d agents: a refusal left something", n)
	}
}
