package inbox

import (
	"slices"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Rule says which agents may do an operation to a conversation they see. One that an agent does not see answers NOT_FOUND to every
// operation, exactly as one that does not exist. API keys do none of these.
type Rule struct {
	Operation Operation
	Least     Role   // agents of this role and those above it may
	Holder    bool   // the conversation's assignee may too
	Refusal   string // what anybody else is told
}

// Policy returns the rules of the operations that agents do, one each.
func Policy() []Rule {
	return []Rule{
		{Operation: OpClaim, Least: RoleAgent},
		{Operation: OpReassign, Least: RoleSupervisor, Refusal: "only a supervisor or admin can reassign a conversation"},
		{Operation: OpRelease, Least: RoleSupervisor, Holder: true, Refusal: "only its holder or a supervisor can release a conversation"},
		{Operation: OpResolve, Least: RoleAgent},
		{Operation: OpReopen, Least: RoleAgent},
		{Operation: OpSnooze, Least: RoleAgent},
		{Operation: OpSend, Least: RoleAgent},
		{Operation: OpMarkRead, Least: RoleAgent},
	}
}

// Permit returns nil when the agent may do the operation to the conversation, NotFound when he does not see it, and Forbidden when
// his role does not allow it or no agent acts.
func Permit(actor Actor, operation Operation, c *Conversation) error {
	if err := actor.RequireAgent(); err != nil {
		return err
	}
	if !actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) {
		return NoConversation()
	}
	for _, rule := range Policy() {
		if rule.Operation != operation {
			continue
		}
		if actor.role.includes(rule.Least) || rule.Holder && c.AssignedTo(actor.id) {
			return nil
		}
		return fault.New(fault.Forbidden, "%s", rule.Refusal)
	}
	return fault.New(fault.Forbidden, "no agent can do this")
}

// NoConversation returns the one NotFound error for a conversation that does not exist or that the caller may not see.
func NoConversation() error { return fault.New(fault.NotFound, "there is no such conversation") }

// includes reports whether the role may do what least may.
func (r Role) includes(least Role) bool {
	order := []Role{RoleAgent, RoleSupervisor, RoleAdmin}
	return slices.Index(order, r) >= slices.Index(order, least) && slices.Contains(order, r)
}

// RequireReader returns a Forbidden error for an API key that may not read conversations.
func (a Actor) RequireReader() error {
	if a.kind == ActorAPIKey && !a.Has(ScopeRead) {
		return fault.New(fault.Forbidden, "this needs an API key with the scope %s", ScopeRead)
	}
	return nil
}
