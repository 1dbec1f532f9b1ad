package inbox

import (
	"slices"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Role is what an agent may do; each includes the one before it.
type Role string

// The roles of agents.
const (
	RoleAgent      Role = "AGENT"
	RoleSupervisor Role = "SUPERVISOR"
	RoleAdmin      Role = "ADMIN"
)

// ActorKind tells who acts.
type ActorKind string

// The kinds of actor.
const (
	ActorAgent  ActorKind = "AGENT"
	ActorAPIKey ActorKind = "API_KEY"
	ActorPerson ActorKind = "CONTACT" // a customer, through a provider
	ActorSystem ActorKind = "SYSTEM"  // a timer, a sweep, a provider's report
	// ActorOperator is whoever runs the installation, through its command line; he has no session and no row.
	ActorOperator ActorKind = "OPERATOR"
)

// Scope is a permission of an API key.
type Scope string

// The scopes of API keys.
const (
	ScopeSend Scope = "notifications:send" // trigger messages and follow them
	ScopeRead Scope = "inbox:read"         // read every conversation
)

// Actor is an authenticated caller within one tenant. Its fields are unexported; only the constructors below make one.
type Actor struct {
	tenant   TenantID
	kind     ActorKind
	id       uuid.UUID
	role     Role
	session  uuid.UUID
	accounts []uuid.UUID
	scopes   []Scope
}

// AgentActor returns the Actor of a signed-in agent; accounts are the channel accounts of his teams and those of no team.
func AgentActor(tenant TenantID, agent, session uuid.UUID, role Role, accounts []uuid.UUID) Actor {
	return Actor{tenant: tenant, kind: ActorAgent, id: agent, role: role, session: session, accounts: accounts}
}

// APIKeyActor returns the Actor of an API key.
func APIKeyActor(tenant TenantID, key uuid.UUID, scopes []Scope) Actor {
	return Actor{tenant: tenant, kind: ActorAPIKey, id: key, scopes: scopes}
}

// SystemActor returns the Actor of Switchboard itself within a tenant; it sees everything.
func SystemActor(tenant TenantID) Actor { return Actor{tenant: tenant, kind: ActorSystem} }

// OperatorActor returns the Actor of whoever runs the installation.
func OperatorActor(tenant TenantID) Actor { return Actor{tenant: tenant, kind: ActorOperator} }

// PersonActor returns the Actor of a contact.
func PersonActor(tenant TenantID, contact uuid.UUID) Actor {
	return Actor{tenant: tenant, kind: ActorPerson, id: contact}
}

// Tenant returns the tenant that the actor belongs to.
func (a Actor) Tenant() TenantID { return a.tenant }

// Kind returns who acts.
func (a Actor) Kind() ActorKind { return a.kind }

// ID returns the agent, API key or contact; the zero UUID for the system.
func (a Actor) ID() uuid.UUID { return a.id }

// Role returns an agent's role; empty for every other kind.
func (a Actor) Role() Role { return a.role }

// Session returns the sign-in an agent acts through; the zero UUID for every other kind.
func (a Actor) Session() uuid.UUID { return a.session }

// IsAgent reports whether a person of the tenant acts.
func (a Actor) IsAgent() bool { return a.kind == ActorAgent }

// Supervises reports whether the actor sees and directs everybody's conversations.
func (a Actor) Supervises() bool {
	return a.kind == ActorSystem || a.role == RoleSupervisor || a.role == RoleAdmin
}

// Has reports whether an API key carries the scope.
func (a Actor) Has(scope Scope) bool { return slices.Contains(a.scopes, scope) }

// Visibility is what of a tenant's conversations an actor may see: all, or those of certain channel accounts and those assigned to
// him.
type Visibility struct {
	All      bool
	Agent    uuid.UUID
	Accounts []uuid.UUID
}

// Visibility returns what the actor may see.
func (a Actor) Visibility() Visibility {
	if a.Supervises() || a.Has(ScopeRead) {
		return Visibility{All: true, Agent: a.id}
	}
	return Visibility{Agent: a.id, Accounts: a.accounts}
}

// Sees reports whether a conversation of the account with the assignee is visible.
func (v Visibility) Sees(account uuid.UUID, assignee *uuid.UUID) bool {
	return v.All || assignee != nil && *assignee == v.Agent || slices.Contains(v.Accounts, account)
}

// RequireAgent returns a Forbidden error unless a person acts.
func (a Actor) RequireAgent() error {
	if !a.IsAgent() {
		return fault.New(fault.Forbidden, "only a signed-in agent can do this")
	}
	return nil
}
