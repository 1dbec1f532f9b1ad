package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Agent is a person who answers.
type Agent struct {
	ID        uuid.UUID
	Email     string // as written; compared case-folded
	Name      string
	Role      Role
	Disabled  bool
	CreatedAt time.Time
}

// AgentRows are the stored agents of one tenant.
type AgentRows interface {
	// AgentsByIDs returns the agents, disabled ones too, in no particular order; missing ones are absent.
	AgentsByIDs(ctx context.Context, ids []uuid.UUID) ([]Agent, error)
	// ActiveAgents returns the agents who are not disabled, by name; at most so many.
	ActiveAgents(ctx context.Context, most int) ([]Agent, error)
}

// maxDirectory is how many agents, teams or channel accounts a list holds at most.
const maxDirectory = 500

// Agents returns the tenant's active agents by name, at most 500. It returns Forbidden for an API key that may not read.
func (in *Inbox) Agents(ctx context.Context, actor Actor) (agents []Agent, err error) {
	err = in.directory(ctx, actor, func(tx Tx) error {
		agents, err = tx.ActiveAgents(ctx, maxDirectory)
		return err
	})
	return agents, err
}

// AgentsOf returns agents by id, disabled ones too; missing ones are absent.
func (in *Inbox) AgentsOf(ctx context.Context, actor Actor, ids []uuid.UUID) (agents []Agent, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		agents, err = tx.AgentsByIDs(ctx, ids)
		return err
	})
	return agents, err
}

// directory reads one of the lists that every agent and every reading API key may see.
func (in *Inbox) directory(ctx context.Context, actor Actor, read func(Tx) error) error {
	if err := actor.RequireReader(); err != nil {
		return err
	}
	return in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		return read(tx)
	})
}
