package inbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// APIKey is a key of another system, without the key itself.
type APIKey struct {
	ID        uuid.UUID
	Name      string
	Scopes    []Scope
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
}

// Scopes returns every scope that an API key can have.
func Scopes() []Scope { return []Scope{ScopeSend, ScopeRead} }

// CreateAPIKeyInput is a new API key.
type CreateAPIKeyInput struct {
	Tenant    string // the slug
	Name      string
	Scopes    []Scope
	ExpiresAt *time.Time
}

// CreateAPIKey makes an API key and returns it; it can never be shown again. It returns Invalid for input that cannot be used and NotFound
// for an unknown tenant.
func (o *Operator) CreateAPIKey(ctx context.Context, input CreateAPIKeyInput) (kept APIKey, key string, err error) {
	name, err := cleanName("name", input.Name)
	if err != nil {
		return APIKey{}, "", err
	}
	if len(input.Scopes) == 0 {
		return APIKey{}, "", fault.BadField("scope", "a key needs at least one scope: %v", Scopes())
	}
	for _, scope := range input.Scopes {
		if !slices.Contains(Scopes(), scope) {
			return APIKey{}, "", fault.BadField("scope", "there is no scope %q; there are %v", scope, Scopes())
		}
	}
	if input.ExpiresAt != nil && !input.ExpiresAt.After(o.clock()) {
		return APIKey{}, "", fault.BadField("expires", "the key would have expired already")
	}
	tenant, err := o.tenant(ctx, input.Tenant)
	if err != nil {
		return APIKey{}, "", err
	}
	key, hash := o.tools.NewAPIKey(tenant)
	kept = APIKey{ID: uuid.Must(uuid.NewV7()), Name: name, Scopes: input.Scopes, ExpiresAt: input.ExpiresAt}
	err = o.change(ctx, tenant, "api_key.created", "api_key", kept.ID, func(tx OperatorTx, at time.Time) error {
		kept.CreatedAt = at
		return tx.InsertAPIKey(ctx, kept, hash)
	})
	return kept, key, err
}

// CreateChannelAccountInput is a new sender identity.
type CreateChannelAccountInput struct {
	Tenant      string // the slug
	Channel     Channel
	Provider    string
	ExternalRef string // the provider's key of the account
	Name        string
	Team        string // by name; empty: every agent's
	Settings    []byte // a JSON object; empty: none
	Credentials []byte // a JSON object
}

// CreateChannelAccount makes a channel account with sealed credentials. It returns Invalid for what the provider's own check refuses,
// NotFound for an unknown tenant, and Conflict for an external reference that an account, of whatever tenant, has already.
func (o *Operator) CreateChannelAccount(ctx context.Context, input CreateChannelAccountInput) (ChannelAccount, error) {
	account, err := o.checkedAccount(input)
	if err != nil {
		return ChannelAccount{}, err
	}
	tenant, err := o.tenant(ctx, input.Tenant)
	if err != nil {
		return ChannelAccount{}, err
	}
	sealed := o.tools.Ring.Seal(input.Credentials, CredentialsPlace(tenant, account.ID))
	err = o.change(ctx, tenant, "channel_account.created", "channel_account", account.ID, func(tx OperatorTx, at time.Time) error {
		account.TeamID, account.CreatedAt = nil, at
		if input.Team != "" {
			teams, err := o.teams(ctx, tx, []string{input.Team})
			if err != nil {
				return err
			}
			account.TeamID = &teams[0]
		}
		if err := tx.InsertChannelAccount(ctx, account, sealed); err != nil {
			return err
		}
		return announceAccess(ctx, tx, account, at)
	})
	return account, taken(err, "externalRef", "a channel account of this provider has the reference %q already", input.ExternalRef)
}

// announceAccess tells the live subscriptions of those who see the new account that they see more than before.
func announceAccess(ctx context.Context, tx OperatorTx, account ChannelAccount, at time.Time) error {
	agents, err := tx.AgentIDsOfTeam(ctx, account.TeamID)
	for i := range agents {
		tx.Record(Event{Kind: EventAccessChanged, At: at, ActorKind: ActorSystem, AgentID: &agents[i], ChannelAccountID: &account.ID})
	}
	return err
}

// checkedAccount returns the account that the input describes once the provider agrees with it.
func (o *Operator) checkedAccount(input CreateChannelAccountInput) (ChannelAccount, error) {
	name, err := cleanName("name", input.Name)
	if err != nil {
		return ChannelAccount{}, err
	}
	known := []Channel{ChannelWhatsApp, ChannelEmail, ChannelSMS, ChannelWebchat, ChannelMessenger, ChannelInstagram}
	if !slices.Contains(known, input.Channel) {
		return ChannelAccount{}, fault.BadField("channel", "there is no channel %q; there are %v", input.Channel, known)
	}
	provider, err := o.tools.Providers.Provider(input.Provider)
	if err != nil {
		return ChannelAccount{}, fault.BadField("provider", "there is no provider %q; there are %v", input.Provider, o.tools.Providers.Kinds())
	}
	if ref := input.ExternalRef; ref == "" || len(ref) > 255 || strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ChannelAccount{}, fault.BadField("externalRef", "the provider's key of the account is 1 to 255 printable characters")
	}
	settings := input.Settings
	if len(settings) == 0 {
		settings = []byte("{}")
	}
	if !isObject(settings) {
		return ChannelAccount{}, fault.BadField("settings", "settings are a JSON object")
	}
	if !isObject(input.Credentials) {
		return ChannelAccount{}, fault.BadField("credentials", "credentials are a JSON object")
	}
	id := uuid.Must(uuid.NewV7())
	if checker, ok := provider.(channel.Checker); ok {
		if err := checker.Check(channel.NewAccount(id.String(), input.ExternalRef, settings, input.Credentials)); err != nil {
			return ChannelAccount{}, fault.BadField("", "%s refuses the account: %v", input.Provider, err)
		}
	}
	return ChannelAccount{ID: id, Channel: input.Channel, Provider: input.Provider, ExternalRef: input.ExternalRef, Name: name,
		Status: AccountActive, Settings: settings, EndpointID: strings.ToLower(rand.Text())}, nil
}

// CredentialsPlace returns where the credentials of a channel account are sealed to.
func CredentialsPlace(tenant TenantID, account uuid.UUID) secret.Place {
	return secret.Place{Tenant: tenant.String(), Table: "channel_accounts", Row: account.String(), Column: "credentials"}
}

func isObject(text []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil
}
