package inbox

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Viewer is a signed-in agent with the business and his teams.
type Viewer struct {
	Agent  Agent
	Tenant Tenant
	Teams  []Team // by name
}

// TenantRows is the tenant's own row.
type TenantRows interface {
	// OwnTenant returns the tenant of the transaction.
	OwnTenant(ctx context.Context) (Tenant, error)
}

// Viewer returns the signed-in agent. It returns Forbidden for an API key, and Unauthenticated when the agent is gone or disabled.
func (in *Inbox) Viewer(ctx context.Context, actor Actor) (Viewer, error) {
	var v Viewer
	if err := actor.RequireAgent(); err != nil {
		return v, err
	}
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		found, err := tx.AgentsByIDs(ctx, []uuid.UUID{actor.ID()})
		if err != nil {
			return err
		}
		if len(found) == 0 || found[0].Disabled {
			return fault.New(fault.Unauthenticated, "this sign-in has ended; sign in again")
		}
		v.Agent = found[0]
		if v.Tenant, err = tx.OwnTenant(ctx); err != nil {
			return err
		}
		tx.Last()
		v.Teams, err = tx.TeamsOfAgent(ctx, actor.ID())
		return err
	})
	return v, err
}
