package inbox

import (
	"context"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// Operator holds what is done to a tenant from the installation's command line: it makes tenants and what a tenant needs before anybody
// can sign in. Each change writes its audit row with the actor OPERATOR. It is safe for concurrent use.
type Operator struct {
	store OperatorStore
	tools OperatorTools
	clock func() time.Time
}

// OperatorTools are what Operator needs besides rows.
type OperatorTools struct {
	// HashPassword returns what is kept of a password, or an Invalid error for one that is too short or too long.
	HashPassword func(ctx context.Context, password string) (string, error)
	// NewAPIKey returns a new key of the tenant and what is kept of it.
	NewAPIKey func(tenant TenantID) (key string, hash []byte)
	Ring      *secret.Keyring
	Providers *channel.Registry
}

// OperatorStore is what Operator needs kept; package db implements it.
type OperatorStore interface {
	// TenantBySlug returns the tenant of a slug; found is false when there is none or it is suspended.
	TenantBySlug(ctx context.Context, slug string) (tenant TenantID, found bool, err error)
	// InTenant runs fn in one transaction of the tenant, as Store does.
	InTenant(ctx context.Context, tenant TenantID, fn func(OperatorTx) error) error
}

// OperatorTx is one transaction of one tenant. A row that exists already is a raced unique key: the transaction runs again, and the call
// returns Conflict in the end.
type OperatorTx interface {
	Recorder
	// InsertTenant stores a new tenant and the head of its events.
	InsertTenant(ctx context.Context, tenant Tenant, epoch uuid.UUID, at time.Time) error
	// RenewEpoch makes the epoch that of the tenant's events from now on.
	RenewEpoch(ctx context.Context, epoch uuid.UUID) error
	// TeamsByNames returns the teams in no particular order; missing ones are absent.
	TeamsByNames(ctx context.Context, names []string) ([]Team, error)
	// InsertTeam stores a new team.
	InsertTeam(ctx context.Context, team Team) error
	// InsertAgent stores a new agent as a member of the teams.
	InsertAgent(ctx context.Context, agent Agent, emailFolded, passwordHash string, teams []uuid.UUID) error
	// SetAgentActive lets the agent with the address sign in or not, and ends the sessions there are; found is false when there is none.
	SetAgentActive(ctx context.Context, emailFolded string, active bool, at time.Time) (agent uuid.UUID, found bool, err error)
	// InsertAPIKey stores what is kept of a new key.
	InsertAPIKey(ctx context.Context, key APIKey, hash []byte) error
	// RevokeAPIKey ends a key and reports false when there is none that was not revoked.
	RevokeAPIKey(ctx context.Context, key uuid.UUID, at time.Time) (bool, error)
	// InsertChannelAccount stores a new channel account.
	InsertChannelAccount(ctx context.Context, account ChannelAccount, credentialsSealed []byte) error
	// ChannelAccountsByIDs returns the accounts in no particular order; missing ones are absent.
	ChannelAccountsByIDs(ctx context.Context, ids []uuid.UUID) ([]ChannelAccount, error)
	// SealedCredentials returns the sealed credentials of the accounts; missing ones are absent.
	SealedCredentials(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]byte, error)
	// RenewCredentials keeps other sealed credentials and makes the account ACTIVE; false when there is none that is switched on.
	RenewCredentials(ctx context.Context, account uuid.UUID, credentialsSealed []byte) (bool, error)
	// SetAlertURL keeps where the tenant's alerts are posted and the sealed secret that signs them; nil for both: nowhere, and
	// posts that are still due are not made.
	SetAlertURL(ctx context.Context, address *string, secretSealed []byte) error
	// SealedValues returns sealed values that are not under the key of the id, in the order of table and row, after the given one.
	SealedValues(ctx context.Context, notUnder string, after SealedValue, most int) ([]SealedValue, error)
	// ReplaceSealed puts a value sealed anew in the place of the one that was read, and reports false when that has changed.
	ReplaceSealed(ctx context.Context, was SealedValue, sealed []byte) (bool, error)
	// AgentIDsOfTeam returns the active agents of the team, or all active agents when team is nil.
	AgentIDsOfTeam(ctx context.Context, team *uuid.UUID) ([]uuid.UUID, error)
}

// NewOperator returns an Operator on the store.
func NewOperator(store OperatorStore, tools OperatorTools, clock func() time.Time) *Operator {
	return &Operator{store: store, tools: tools, clock: clock}
}

// CreateTenantInput is a new business.
type CreateTenantInput struct {
	Slug                string // its subdomain and sign-in name
	Name                string
	ReopenWithinDays    int
	ReopenKeepsAssignee bool
}

// CreateTenant makes a tenant. It returns Invalid for a slug or name that cannot be used and Conflict for a slug that is taken.
func (o *Operator) CreateTenant(ctx context.Context, input CreateTenantInput) (Tenant, error) {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(input.Slug) {
		return Tenant{}, fault.BadField("slug", "a slug is 1 to 63 small letters, digits and dashes, and begins and ends with a letter or digit")
	}
	name, err := cleanName("name", input.Name)
	if err != nil {
		return Tenant{}, err
	}
	if input.ReopenWithinDays < 0 || input.ReopenWithinDays > 3650 {
		return Tenant{}, fault.BadField("reopenWithinDays", "the number of days is 0 to 3650")
	}
	id, epoch := uuid.Must(uuid.NewV7()), uuid.New()
	tenant := Tenant{ID: TenantOf(id), Slug: input.Slug, Name: name, ReopenWithinDays: input.ReopenWithinDays,
		ReopenKeepsAssignee: input.ReopenKeepsAssignee}
	err = o.change(ctx, tenant.ID, "tenant.created", "tenant", id, func(tx OperatorTx, at time.Time) error {
		return tx.InsertTenant(ctx, tenant, epoch, at)
	})
	return tenant, taken(err, "slug", "a tenant has the slug %q already", input.Slug)
}

// RenewEpoch makes every cursor that the tenant's clients hold worthless: they are told to query afresh. It is for a database that may have lost
// commits, whose numbers will stand for other events than they did.
func (o *Operator) RenewEpoch(ctx context.Context, tenant TenantID) error {
	return o.change(ctx, tenant, "tenant.epoch_renewed", "tenant", tenant.UUID(), func(tx OperatorTx, _ time.Time) error {
		return tx.RenewEpoch(ctx, uuid.New())
	})
}

// CreateTeam makes a team of the tenant with the slug. It returns NotFound for an unknown tenant and Conflict for a name that is taken.
func (o *Operator) CreateTeam(ctx context.Context, slug, name string) (Team, error) {
	tenant, err := o.tenant(ctx, slug)
	if err != nil {
		return Team{}, err
	}
	if name, err = cleanName("name", name); err != nil {
		return Team{}, err
	}
	team := Team{ID: uuid.Must(uuid.NewV7()), Name: name}
	err = o.change(ctx, tenant, "team.created", "team", team.ID, func(tx OperatorTx, at time.Time) error {
		team.CreatedAt = at
		return tx.InsertTeam(ctx, team)
	})
	return team, taken(err, "name", "a team is called %q already", name)
}

// CreateAgentInput is a new agent.
type CreateAgentInput struct {
	Tenant   string // the slug
	Name     string
	Email    string
	Role     Role
	Teams    []string // by name
	Password string
}

// CreateAgent makes an agent who can sign in. It returns Invalid for input that cannot be used, NotFound for an unknown tenant, and
// Conflict for an address that is taken.
func (o *Operator) CreateAgent(ctx context.Context, input CreateAgentInput) (Agent, error) {
	name, err := cleanName("name", input.Name)
	if err != nil {
		return Agent{}, err
	}
	address, err := mail.ParseAddress(strings.TrimSpace(input.Email))
	if err != nil || address.Name != "" || len(address.Address) > 254 {
		return Agent{}, fault.BadField("email", "%q is not an address such as ada@example.com", input.Email)
	}
	if !slices.Contains([]Role{RoleAgent, RoleSupervisor, RoleAdmin}, input.Role) {
		return Agent{}, fault.BadField("role", "a role is AGENT, SUPERVISOR or ADMIN")
	}
	hash, err := o.tools.HashPassword(ctx, input.Password)
	if err != nil {
		return Agent{}, err
	}
	tenant, err := o.tenant(ctx, input.Tenant)
	if err != nil {
		return Agent{}, err
	}
	agent := Agent{ID: uuid.Must(uuid.NewV7()), Email: address.Address, Name: name, Role: input.Role}
	err = o.change(ctx, tenant, "agent.created", "agent", agent.ID, func(tx OperatorTx, at time.Time) error {
		teams, err := o.teams(ctx, tx, input.Teams)
		if err != nil {
			return err
		}
		agent.CreatedAt = at
		return tx.InsertAgent(ctx, agent, strings.ToLower(agent.Email), hash, teams)
	})
	return agent, taken(err, "email", "an agent has the address %q already", agent.Email)
}

// teams returns the ids of the named teams, or an Invalid error that names the one which is missing.
func (o *Operator) teams(ctx context.Context, tx OperatorTx, names []string) ([]uuid.UUID, error) {
	found, err := tx.TeamsByNames(ctx, names)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(found, func(t Team) bool { return t.Name == name })
		if i < 0 {
			return nil, fault.BadField("team", "there is no team called %q; make it first with `team create`", name)
		}
		if !slices.Contains(ids, found[i].ID) {
			ids = append(ids, found[i].ID)
		}
	}
	return ids, nil
}

func (o *Operator) tenant(ctx context.Context, slug string) (TenantID, error) {
	tenant, found, err := o.store.TenantBySlug(ctx, strings.ToLower(strings.TrimSpace(slug)))
	if err == nil && !found {
		err = &fault.Error{Code: fault.NotFound, Field: "tenant", Message: "there is no active tenant with this slug"}
	}
	return tenant, err
}

// change runs one change of the operator with its audit row.
func (o *Operator) change(ctx context.Context, tenant TenantID, action, kind string, subject uuid.UUID, fn func(OperatorTx, time.Time) error) error {
	at := o.clock().UTC().Truncate(time.Microsecond)
	return o.store.InTenant(ctx, tenant, func(tx OperatorTx) error {
		if err := fn(tx, at); err != nil {
			return err
		}
		return tx.Audit(ctx, NewAuditEntry(OperatorActor(tenant), action, kind, subject, nil, at))
	})
}

// taken says in words which value another row has already.
func taken(err error, field, format string, args ...any) error {
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	conflict := fault.New(fault.Conflict, format, args...)
	conflict.Field, conflict.Err = field, err
	return conflict
}

// cleanName returns the trimmed name, or an Invalid error for one that is empty, too long or cannot be printed.
func cleanName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fault.BadField(field, "a name is 1 to 100 printable characters")
	}
	return name, nil
}
