package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// withDatabase opens the database, runs fn, and closes it.
func withDatabase(ctx context.Context, need needs, fn func(environment, *db.DB) error) error {
	need.database = true
	e, err := readEnvironment(need)
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, db.Config{URL: e.DatabaseURL.Reveal(), Log: logger(e)})
	if err != nil {
		return err
	}
	defer store.Close()
	return fn(e, store)
}

// asOperator runs fn with the operator's use cases. A command without credentials needs no keys.
func asOperator(ctx context.Context, need needs, fn func(environment, *inbox.Operator, *channel.Registry) error) error {
	return withDatabase(ctx, need, func(e environment, store *db.DB) error {
		registry, err := providers(e)
		if err != nil {
			return err
		}
		operator, err := newOperator(e, store, registry, time.Now)
		if err != nil {
			return err
		}
		return fn(e, operator, registry)
	})
}

// overTenants runs fn with the operator's use cases and all tenants. It needs no provider.
func overTenants(ctx context.Context, need needs, fn func(*inbox.Operator, []inbox.TenantID) error) error {
	return withDatabase(ctx, need, func(e environment, store *db.DB) error {
		operator, err := newOperator(e, store, nil, time.Now)
		if err != nil {
			return err
		}
		tenants, err := store.Tenants(ctx)
		if err != nil {
			return err
		}
		return fn(operator, tenants)
	})
}

func newOperator(e environment, store *db.DB, registry *channel.Registry, clock func() time.Time) (*inbox.Operator, error) {
	tools := inbox.OperatorTools{HashPassword: auth.NewHasher(1).Hash, NewAPIKey: auth.NewAPIKey, Providers: registry}
	if !e.KEKs.IsZero() {
		ring, err := secret.ParseKeyring(e.KEKs.Reveal())
		if err != nil {
			return nil, err
		}
		tools.Ring = ring
	}
	return inbox.NewOperator(store.Operator(), tools, clock), nil
}

func logger(e environment) *slog.Logger { return telemetry.NewLogger(os.Stderr, e.LogLevel) }

func createTenant(ctx context.Context, args []string) error {
	set := flags("tenant create", "--slug acme --name \"Acme Ltd\"")
	input := inbox.CreateTenantInput{}
	set.StringVar(&input.Slug, "slug", "", "subdomain and sign-in name: small letters, digits and dashes")
	set.StringVar(&input.Name, "name", "", "name to show")
	set.IntVar(&input.ReopenWithinDays, "reopen-days", 7, "a message this many days after the end reopens the conversation; 0: always a new one")
	set.BoolVar(&input.ReopenKeepsAssignee, "reopen-keeps-assignee", true, "whether a reopened conversation stays with whom it was")
	if err := parse(set, args, "slug", "name"); err != nil {
		return err
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		tenant, err := o.CreateTenant(ctx, input)
		return tell(err, "tenant", tenant.Slug, "id", tenant.ID.String())
	})
}

func setAlertURL(ctx context.Context, args []string) error {
	set := flags("tenant alerts", "--tenant acme --url https://example.com/alerts")
	tenant := set.String("tenant", "", "slug of the tenant")
	address := set.String("url", "", "https address that takes signed POSTs (Standard Webhooks); empty: alerts are posted no more")
	if err := parse(set, args, "tenant"); err != nil {
		return err
	}
	return asOperator(ctx, needs{keys: true}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		key, err := o.SetAlertURL(ctx, *tenant, *address)
		facts := []string{"alert URL", cmp.Or(*address, "none")}
		if key != nil {
			facts = append(facts, "signing secret", "whsec_"+base64.StdEncoding.EncodeToString(key)+"  (shown this once)")
		}
		return tell(err, facts...)
	})
}

func createTeam(ctx context.Context, args []string) error {
	set := flags("team create", "--tenant acme --name Support")
	tenant, name := set.String("tenant", "", "slug of the tenant"), set.String("name", "", "name to show")
	if err := parse(set, args, "tenant", "name"); err != nil {
		return err
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		team, err := o.CreateTeam(ctx, *tenant, *name)
		return tell(err, "team", team.Name, "id", team.ID.String())
	})
}

func createAgent(ctx context.Context, args []string) error {
	set := flags("agent create", "--tenant acme --name Ada --email ada@example.com --role AGENT --team Support [--password-stdin]")
	input := inbox.CreateAgentInput{Role: inbox.RoleAgent}
	set.StringVar(&input.Tenant, "tenant", "", "slug of the tenant")
	set.StringVar(&input.Name, "name", "", "name to show")
	set.StringVar(&input.Email, "email", "", "sign-in address")
	set.Func("role", "AGENT, SUPERVISOR or ADMIN (default AGENT)", func(s string) error { input.Role = inbox.Role(strings.ToUpper(s)); return nil })
	set.Func("team", "name of a team; may be repeated", func(s string) error { input.Teams = append(input.Teams, s); return nil })
	given := set.Bool("password-stdin", false, "read the password from the first line of stdin; otherwise one is made and printed once")
	if err := parse(set, args, "tenant", "name", "email"); err != nil {
		return err
	}
	input.Password = rand.Text()
	if *given {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		input.Password = strings.TrimRight(line, "\r\n")
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		agent, err := o.CreateAgent(ctx, input)
		facts := []string{"agent", agent.Email, "id", agent.ID.String(), "role", string(agent.Role)}
		if !*given {
			facts = append(facts, "password", input.Password+"  (shown this once)")
		}
		return tell(err, facts...)
	})
}

func createAPIKey(ctx context.Context, args []string) error {
	set := flags("apikey create", "--tenant acme --name CRM --scope notifications:send")
	input := inbox.CreateAPIKeyInput{}
	set.StringVar(&input.Tenant, "tenant", "", "slug of the tenant")
	set.StringVar(&input.Name, "name", "", "what the key is for")
	set.Func("scope", fmt.Sprintf("one of %v; may be repeated", inbox.Scopes()), func(s string) error {
		input.Scopes = append(input.Scopes, inbox.Scope(s))
		return nil
	})
	life := set.Duration("expires-in", 0, "life of the key, such as 2160h; 0: for ever")
	if err := parse(set, args, "tenant", "name", "scope"); err != nil {
		return err
	}
	if *life != 0 {
		until := time.Now().Add(*life)
		input.ExpiresAt = &until
	}
	return asOperator(ctx, needs{}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		kept, key, err := o.CreateAPIKey(ctx, input)
		return tell(err, "api key", kept.Name, "id", kept.ID.String(), "key", key+"  (shown this once)")
	})
}

func createChannel(ctx context.Context, args []string) error {
	set := flags("channel create", "--tenant acme --provider meta --channel WHATSAPP --ref 1055… --name \"Main number\" < credentials.json")
	input := inbox.CreateChannelAccountInput{Channel: inbox.ChannelWhatsApp}
	set.StringVar(&input.Tenant, "tenant", "", "slug of the tenant")
	set.StringVar(&input.Provider, "provider", "", "who carries it, such as meta")
	set.Func("channel", "WHATSAPP, EMAIL, SMS, WEBCHAT, MESSENGER or INSTAGRAM (default WHATSAPP)", func(s string) error {
		input.Channel = inbox.Channel(strings.ToUpper(s))
		return nil
	})
	set.StringVar(&input.ExternalRef, "ref", "", "the provider's key of the account, such as Meta's phone_number_id")
	set.StringVar(&input.Name, "name", "", "name to show")
	set.StringVar(&input.Team, "team", "", "name of the team that answers; empty: every agent")
	set.Func("settings", "public settings as a JSON object", func(s string) error { input.Settings = []byte(s); return nil })
	if err := parse(set, args, "tenant", "provider", "ref", "name"); err != nil {
		return err
	}
	return asOperator(ctx, needs{keys: true, provider: true}, func(e environment, o *inbox.Operator, r *channel.Registry) error {
		token, err := readCredentials(os.Stdin, r, &input)
		if err != nil {
			return err
		}
		account, err := o.CreateChannelAccount(ctx, input)
		facts := []string{"channel account", account.Name, "id", account.ID.String(), "webhook URL", webhookURL(e, account)}
		if token != "" {
			facts = append(facts, "verify token", token)
		}
		return tell(err, facts...)
	})
}

func renewCredentials(ctx context.Context, args []string) error {
	set := flags("channel credentials", "--tenant acme --account 0190… < credentials.json")
	tenant := set.String("tenant", "", "slug of the tenant")
	account := set.String("account", "", "id of the channel account")
	if err := parse(set, args, "tenant", "account"); err != nil {
		return err
	}
	id, err := uuid.Parse(*account)
	if err != nil {
		return errors.New("--account is the id that channel create printed")
	}
	return asOperator(ctx, needs{keys: true, provider: true}, func(_ environment, o *inbox.Operator, _ *channel.Registry) error {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, 64<<10))
		if err != nil {
			return err
		}
		return tell(o.RenewCredentials(ctx, *tenant, id, text), "channel account", id.String(), "credentials", "renewed")
	})
}

// readCredentials reads a JSON object from stdin, where no other user of the machine can see it. A provider that proves webhook
// addresses by a token gets one, unless the credentials hold it; the token is returned to be shown to the provider.
func readCredentials(from io.Reader, r *channel.Registry, input *inbox.CreateChannelAccountInput) (token string, err error) {
	text, err := io.ReadAll(io.LimitReader(from, 64<<10))
	if err != nil {
		return "", err
	}
	var object map[string]any
	if json.Unmarshal(text, &object) != nil || object == nil {
		return "", errors.New("the credentials on stdin are no JSON object, such as {\"accessToken\":\"…\",\"appSecret\":\"…\"}")
	}
	if provider, err := r.Provider(input.Provider); err == nil {
		if _, proves := provider.(channel.Challenger); proves {
			if object["verifyToken"] == nil {
				object["verifyToken"] = rand.Text()
			}
			token, _ = object["verifyToken"].(string)
		}
	}
	input.Credentials, err = json.Marshal(object)
	return token, err
}

func webhookURL(e environment, account inbox.ChannelAccount) string {
	return e.PublicBaseURL + "/webhooks/" + account.Provider + "/" + account.EndpointID
}

// tell prints what was made, one fact a line, unless it was not.
func tell(err error, facts ...string) error {
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(facts); i += 2 {
		fmt.Printf("%-16s %s\n", facts[i], facts[i+1])
	}
	return nil
}

func migrate(ctx context.Context, args []string) error {
	if err := parse(flags("migrate", ""), args); err != nil {
		return err
	}
	e, err := readEnvironment(needs{database: true, owner: true})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, e.MigrateURL.Reveal(), logger(e)); err != nil {
		return err
	}
	fmt.Println("the database has the newest schema")
	return nil
}

// errViolated means that verify found violations; they have been printed.
var errViolated = errors.New("an invariant does not hold")

func verify(ctx context.Context, args []string) error {
	set := flags("verify", "")
	quiet := set.Bool("quiet", false, "print only what does not hold")
	if err := parse(set, args); err != nil {
		return err
	}
	return withDatabase(ctx, needs{}, func(_ environment, store *db.DB) error {
		findings, err := store.Verify(ctx)
		if err != nil {
			return err
		}
		for _, f := range findings {
			if err = errors.Join(err, printFinding(f, *quiet)); err != nil {
				err = errViolated
			}
		}
		return err
	})
}

func printFinding(f db.Finding, quiet bool) error {
	if f.Violations == 0 {
		if !quiet {
			fmt.Printf("ok    %5d  %s\n", 0, f.Check)
		}
		return nil
	}
	fmt.Printf("WRONG %5d  %s\n", f.Violations, f.Check)
	for _, example := range f.Examples {
		fmt.Println("             " + example)
	}
	return errViolated
}
