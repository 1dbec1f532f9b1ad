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
}
