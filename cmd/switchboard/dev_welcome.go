package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/demo"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/simulator"
)

// demoTenant returns the demo's tenant; found is false in an installation of others.
func (p *platform) demoTenant(ctx context.Context) (inbox.TenantID, bool, error) {
	return p.db.Operator().TenantBySlug(ctx, demo.Tenant)
}

// numbers returns the demo's numbers as the simulated vendor knows them. The second one posts to a webhook address of its own.
func (d *development) numbers(ctx context.Context, p *platform, shared string) ([]simulator.Account, error) {
	tenant, found, err := p.demoTenant(ctx)
	if err != nil || !found {
		return nil, err
	}
	accounts, err := p.inbox.ChannelAccounts(ctx, inbox.SystemActor(tenant))
	if err != nil {
		return nil, err
	}
	var known []simulator.Account
	for i, n := range demo.Numbers() {
		account := simulator.Account{
			PhoneNumberID: n.Ref, DisplayPhone: n.Phone, Name: n.Name, AccessToken: n.AccessToken(),
			AppSecret: d.env.MetaAppSecret.Reveal(), CallbackURL: shared,
		}
		if j := slices.IndexFunc(accounts, func(a inbox.ChannelAccount) bool { return a.ExternalRef == n.Ref }); i > 0 && j >= 0 {
			account.CallbackURL = shared + "/" + accounts[j].EndpointID
		}
		known = append(known, account)
	}
	return known, nil
}

// facts is the file that tells test harnesses and scripts where everything is; it is there once everything is ready.
func (d *development) facts() string { return filepath.Join(d.dir, "dev.json") }

// facts of a running development, as dev.json holds them.
type facts struct {
	App       string        `json:"app"`
	Admin     string        `json:"admin"`
	Simulator string        `json:"simulator"`
	Database  string        `json:"database,omitzero"` // of a private server; its socket is in a directory that only its owner can enter
	Tenant    string        `json:"tenant,omitzero"`
	Password  string        `json:"password,omitzero"`
	Logins    []demo.Person `json:"logins,omitzero"`
	APIKey    string        `json:"apiKey,omitzero"`
	Log       string        `json:"log"`
}

// welcome tells the story if it was not told to its end, and then says where everything is.
func (d *development) welcome(ctx context.Context, a *api, started time.Time) error {
	known := facts{App: a.env.PublicBaseURL, Admin: "http://" + a.admin.Addr().String(), Simulator: d.env.MetaBaseURL, Log: d.logFile.Name()}
	if d.postgres != nil {
		known.Database = d.env.DatabaseURL.Reveal()
	}
	tenant, found, err := a.demoTenant(ctx)
	if err != nil {
		return err
	}
	if found {
		known.Tenant, known.Password, known.Logins = demo.Tenant, demo.Password, demo.People()
		if known.APIKey, err = d.tell(ctx, a, tenant); err != nil {
			return err
		}
	}
	encoded, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(d.facts(), append(encoded, '\n')); err != nil {
		return err
	}
	known.print(time.Since(started))
	<-ctx.Done()
	return nil
}

// tell makes the demo's API key and tells its story, each unless that was done before, and returns the key.
func (d *development) tell(ctx context.Context, a *api, tenant inbox.TenantID) (string, error) {
	const name = "DEMO_API_KEY"
	key := d.kept.values[name]
	actor, _, err := a.sessions.Authenticate(ctx, credentialsOf(key))
	if err != nil {
		operator, err := newOperator(d.env, a.db, a.providers, a.clock)
		if err != nil {
			return "", err
		}
		input := inbox.CreateAPIKeyInput{Tenant: demo.Tenant, Name: "Demo", Scopes: inbox.Scopes()}
		if _, key, err = operator.CreateAPIKey(ctx, input); err != nil {
			return "", err
		}
		if err := d.kept.keep(name, key); err != nil {
			return "", err
		}
		if actor, _, err = a.sessions.Authenticate(ctx, credentialsOf(key)); err != nil {
			return "", err
		}
	}
	if d.past == 0 {
		return key, nil
	}
	fmt.Println("Filling the inbox with demo conversations …")
	return key, demo.Play(ctx, demo.Stage{
		Tenant: tenant, APIKey: actor.ID(), Store: a.db.Outbound(), Inbox: a.inbox, Outbound: a.outbound, Simulator: d.env.MetaBaseURL,
		From: d.past, Shift: d.shift,
	})
}

// print says where everything is.
func (f facts) print(took time.Duration) {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "  %-11s %s\n", name, value) }
	fmt.Fprintf(&b, "\n  Switchboard is ready (%.1f s)\n\n", took.Seconds())
	line("Inbox", f.App)
	for i, p := range f.Logins {
		name := ""
		if i == 0 {
			name = "Sign in"
		}
		line(name, fmt.Sprintf("%-20s %s, %s", p.Email, p.Name, strings.ToLower(string(p.Role))))
	}
	if f.Tenant != "" {
		line("", fmt.Sprintf("business %s, password %s", f.Tenant, f.Password))
	}
	line("Customer", f.Simulator+"  (a phone to write from, and faults to try)")
	line("GraphQL", f.App+"/graphql")
	if f.APIKey != "" {
		line("API key", f.APIKey)
	}
	line("Health", f.Admin+"/readyz  and /metrics")
	line("Log", f.Log)
	b.WriteString("\n  Ctrl-C stops everything; the data stays.\n\n")
	fmt.Print(b.String())
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func credentialsOf(key string) auth.Credentials { return auth.Credentials{APIKey: key} }
