package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// operatorStore is DB as the operator's use cases see it.
type operatorStore struct{ authStore }

// Operator returns the store that inbox declares for operators.
func (d *DB) Operator() inbox.OperatorStore { return operatorStore{authStore{d}} }

func (s operatorStore) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.OperatorTx) error) error {
	return s.inTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

// Tenants returns every tenant, suspended ones too, in the order in which they were made.
func (d *DB) Tenants(ctx context.Context) ([]inbox.TenantID, error) {
	ids, err := gen.New(d.pool).TenantIDs(ctx)
	return column(ids, inbox.TenantOf), mapError(err)
}

// InsertTenant implements inbox.OperatorTx.
func (tx *Tx) InsertTenant(ctx context.Context, t inbox.Tenant, epoch uuid.UUID, at time.Time) error {
	err := tx.q.InsertTenant(ctx, gen.InsertTenantParams{
		TenantID: tx.tenant, Slug: t.Slug, Name: t.Name, ReopenWithinDays: int32(t.ReopenWithinDays),
		ReopenKeepsAssignee: t.ReopenKeepsAssignee, CreatedAt: at,
	})
	if err != nil {
		return err
	}
	return tx.q.InsertHead(ctx, tx.tenant, epoch)
}

// RenewEpoch implements inbox.OperatorTx.
func (tx *Tx) RenewEpoch(ctx context.Context, epoch uuid.UUID) error {
	return tx.q.RenewEpoch(ctx, epoch, tx.tenant)
}

// SetAlertURL implements inbox.OperatorTx.
func (tx *Tx) SetAlertURL(ctx context.Context, address *string, secretSealed []byte) error {
	if err := tx.q.SetAlertURL(ctx, address, secretSealed, tx.tenant); err != nil || address != nil {
		return err
	}
	return tx.q.EndCallbacks(ctx, tx.tenant)
}

// RenewCredentials implements inbox.OperatorTx.
func (tx *Tx) RenewCredentials(ctx context.Context, account uuid.UUID, credentialsSealed []byte) (bool, error) {
	n, err := tx.q.RenewCredentials(ctx, credentialsSealed, tx.tenant, account)
	return n > 0, err
}

// TeamsByNames implements inbox.OperatorTx.
func (tx *Tx) TeamsByNames(ctx context.Context, names []string) ([]inbox.Team, error) {
	rows, err := tx.q.TeamsByNames(ctx, tx.tenant, names)
	return column(rows, team), err
}

// InsertTeam implements inbox.OperatorTx.
func (tx *Tx) InsertTeam(ctx context.Context, t inbox.Team) error {
	return tx.q.InsertTeam(ctx, tx.tenant, t.ID, t.Name, t.CreatedAt)
}

// InsertAgent implements inbox.OperatorTx.
func (tx *Tx) InsertAgent(ctx context.Context, a inbox.Agent, emailFolded, passwordHash string, teams []uuid.UUID) error {
	return tx.q.InsertAgent(ctx, gen.InsertAgentParams{
		TenantID: tx.tenant, ID: a.ID, Email: a.Email, EmailFolded: emailFolded, Name: a.Name, Role: string(a.Role),
		PasswordHash: passwordHash, CreatedAt: a.CreatedAt, Teams: teams,
	})
}

// SetAgentActive implements inbox.OperatorTx.
func (tx *Tx) SetAgentActive(ctx context.Context, emailFolded string, active bool, at time.Time) (uuid.UUID, bool, error) {
	status := map[bool]string{false: "DISABLED", true: "ACTIVE"}[active]
	agent, err := tx.q.SetAgentStatus(ctx, status, tx.tenant, emailFolded)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, false, nil
	}
	if err == nil { // of who may sign in again too: a session that was refreshed while he was disabled is none
		err = tx.q.EndSessionsOf(ctx, at, tx.tenant, agent)
	}
	return agent, err == nil, err
}

// RevokeAPIKey implements inbox.OperatorTx.
func (tx *Tx) RevokeAPIKey(ctx context.Context, key uuid.UUID, at time.Time) (bool, error) {
	n, err := tx.q.RevokeAPIKey(ctx, at, tx.tenant, key)
	return n > 0, err
}

// InsertAPIKey implements inbox.OperatorTx.
func (tx *Tx) InsertAPIKey(ctx context.Context, k inbox.APIKey, hash []byte) error {
	return tx.q.InsertAPIKey(ctx, gen.InsertAPIKeyParams{
		TenantID: tx.tenant, ID: k.ID, Name: k.Name, Hash: hash, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
		Scopes: column(k.Scopes, func(s inbox.Scope) string { return string(s) }),
	})
}

// InsertChannelAccount implements inbox.OperatorTx.
func (tx *Tx) InsertChannelAccount(ctx context.Context, a inbox.ChannelAccount, credentialsSealed []byte) error {
	return tx.q.InsertChannelAccount(ctx, gen.InsertChannelAccountParams{
		TenantID: tx.tenant, ID: a.ID, Channel: string(a.Channel), Provider: a.Provider, ExternalRef: a.ExternalRef, Name: a.Name,
		TeamID: a.TeamID, Settings: a.Settings, CredentialsSealed: credentialsSealed, EndpointID: a.EndpointID, CreatedAt: a.CreatedAt,
	})
}

// AgentIDsOfTeam implements inbox.OperatorTx.
func (tx *Tx) AgentIDsOfTeam(ctx context.Context, team *uuid.UUID) ([]uuid.UUID, error) {
	return tx.q.AgentIDsOfTeam(ctx, tx.tenant, team)
}
