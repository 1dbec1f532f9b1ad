package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Team is a group of agents that channel accounts route to.
type Team struct {
	ID        uuid.UUID
	Name      string
	CreatedAt time.Time
}

// TeamRows are the stored teams of one tenant.
type TeamRows interface {
	// TeamsByIDs returns the teams in no particular order; missing ones are absent.
	TeamsByIDs(ctx context.Context, ids []uuid.UUID) ([]Team, error)
	// Teams returns the teams by name; at most so many.
	Teams(ctx context.Context, most int) ([]Team, error)
	// TeamsOfAgent returns the teams that the agent belongs to, by name.
	TeamsOfAgent(ctx context.Context, agent uuid.UUID) ([]Team, error)
}

// Teams returns the tenant's teams by name, at most 500. It returns Forbidden for an API key that may not read.
func (in *Inbox) Teams(ctx context.Context, actor Actor) (teams []Team, err error) {
	err = in.directory(ctx, actor, func(tx Tx) error {
		teams, err = tx.Teams(ctx, maxDirectory)
		return err
	})
	return teams, err
}

// TeamsOf returns teams by id; missing ones are absent.
func (in *Inbox) TeamsOf(ctx context.Context, actor Actor, ids []uuid.UUID) (teams []Team, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		teams, err = tx.TeamsByIDs(ctx, ids)
		return err
	})
	return teams, err
}
