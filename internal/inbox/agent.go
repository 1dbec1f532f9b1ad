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
}
