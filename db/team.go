package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TeamsByIDs implements inbox.TeamRows.
func (tx *Tx) TeamsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Team, error) {
	rows, err := tx.q.TeamsByIDs(ctx, tx.tenant, ids)
	return column(rows, team), err
}

func team(r gen.Team) inbox.Team {
	return inbox.Team{ID: r.ID, Name: r.Name, CreatedAt: r.CreatedAt.UTC()}
}

// Teams implements inbox.TeamRows.
func (tx *Tx) Teams(ctx context.Context, most int) ([]inbox.Team, error) {
	rows, err := tx.q.Teams(ctx, tx.tenant, int32(most))
	return column(rows, team), err
}

// TeamsOfAgent implements inbox.TeamRows.
func (tx *Tx) TeamsOfAgent(ctx context.Context, agent uuid.UUID) ([]inbox.Team, error) {
	rows, err := tx.q.TeamsOfAgent(ctx, tx.tenant, agent)
	return column(rows, team), err
}
