package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// AgentsByIDs implements inbox.AgentRows.
func (tx *Tx) AgentsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Agent, error) {
	rows, err := tx.q.AgentsByIDs(ctx, tx.tenant, ids)
	return column(rows, agent), err
}

func agent(r gen.AgentsByIDsRow) inbox.Agent {
	return inbox.Agent{
		ID: r.ID, Email: r.Email, Name: r.Name, Role: inbox.Role(r.Role), Disabled: r.Status == "DISABLED", CreatedAt: r.CreatedAt.UTC(),
	}
}

// ActiveAgents implements inbox.AgentRows.
func (tx *Tx) ActiveAgents(ctx context.Context, most int) ([]inbox.Agent, error) {
	rows, err := tx.q.ActiveAgents(ctx, tx.tenant, int32(most))
	return column(rows, func(r gen.ActiveAgentsRow) inbox.Agent { return agent(gen.AgentsByIDsRow(r)) }), err
}
