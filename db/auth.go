package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// authStore is DB as auth sees it.
type authStore struct{ *DB }

// Auth returns the store that package auth declares.
func (d *DB) Auth() auth.Store { return authStore{d} }

func (s authStore) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(auth.Tx) error) error {
	return s.inTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

func (s authStore) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(auth.Tx) error) error {
	return s.readTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

func (s authStore) TenantBySlug(ctx context.Context, slug string) (inbox.TenantID, bool, error) {
	row, err := gen.New(s.pool).TenantBySlug(ctx, slug)
	if errors.Is(err, pgx.ErrNoRows) {
		return inbox.TenantID{}, false, nil
	}
	if err != nil {
		return inbox.TenantID{}, false, mapError(err)
	}
	return inbox.TenantOf(row.TenantID), row.Status == "ACTIVE", nil
}

// found turns "no row" into false.
func found(err error) (bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// AgentByEmail implements auth.Tx.
func (tx *Tx) AgentByEmail(ctx context.Context, emailFolded string) (auth.StoredAgent, bool, error) {
	row, err := tx.q.AgentByEmail(ctx, tx.tenant, emailFolded)
	ok, err := found(err)
	return auth.StoredAgent{ID: row.ID, PasswordHash: row.PasswordHash, Active: row.Active}, ok, err
}

// InsertRefreshToken implements auth.Tx.
func (tx *Tx) InsertRefreshToken(ctx context.Context, t auth.RefreshToken) error {
	return tx.q.InsertRefreshToken(ctx, gen.InsertRefreshTokenParams{
		TenantID: tx.tenant, ID: t.ID, AgentID: t.Agent, FamilyID: t.Session, Hash: t.Hash, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
	})
}

// LockRefreshToken implements auth.Tx.
func (tx *Tx) LockRefreshToken(ctx context.Context, hash []byte) (auth.RefreshToken, bool, error) {
	row, err := tx.q.LockRefreshToken(ctx, tx.tenant, hash)
	ok, err := found(err)
	return auth.RefreshToken{
		ID: row.ID, Agent: row.AgentID, Session: row.FamilyID, Hash: row.Hash, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
		SpentAt: row.SpentAt, SpentNonce: row.SpentNonce, SuccessorSealed: row.SuccessorSealed, RevokedAt: row.RevokedAt,
	}, ok, err
}

// SpendRefreshToken implements auth.Tx.
func (tx *Tx) SpendRefreshToken(ctx context.Context, t auth.RefreshToken) error {
	return tx.q.SpendRefreshToken(ctx, gen.SpendRefreshTokenParams{
		TenantID: tx.tenant, ID: t.ID, SpentAt: t.SpentAt, SpentNonce: t.SpentNonce, SuccessorSealed: t.SuccessorSealed,
	})
}

// EndSession implements auth.Tx.
func (tx *Tx) EndSession(ctx context.Context, session uuid.UUID, at time.Time) (int, error) {
	n, err := tx.q.EndSession(ctx, at, tx.tenant, session)
	return int(n), err
}

// AgentAccess implements auth.Tx.
func (tx *Tx) AgentAccess(ctx context.Context, agent, session uuid.UUID, now time.Time) (auth.Access, bool, error) {
	row, err := tx.q.AgentAccess(ctx, tx.tenant, agent, session, now)
	ok, err := found(err)
	return auth.Access{Role: inbox.Role(row.Role), Accounts: row.Accounts}, ok, err
}

// APIKeyByHash implements auth.Tx.
func (tx *Tx) APIKeyByHash(ctx context.Context, hash []byte, now time.Time) (auth.APIKey, bool, error) {
	row, err := tx.q.APIKeyByHash(ctx, tx.tenant, hash, now)
	ok, err := found(err)
	scopes := make([]inbox.Scope, len(row.Scopes))
	for i, s := range row.Scopes {
		scopes[i] = inbox.Scope(s)
	}
	return auth.APIKey{ID: row.ID, Scopes: scopes, LastUsedAt: row.LastUsedAt, ExpiresAt: value(row.ExpiresAt)}, ok, err
}

// TouchAPIKey implements auth.Tx.
func (tx *Tx) TouchAPIKey(ctx context.Context, key uuid.UUID, at time.Time) error {
	return tx.q.TouchAPIKey(ctx, at, tx.tenant, key)
}

// OpenTokenReuseAlert implements auth.Tx.
func (tx *Tx) OpenTokenReuseAlert(ctx context.Context, agent uuid.UUID, at time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	opened, err := tx.InsertAlerts(ctx, at, []outbound.Alert{{
		ID: id, Kind: outbound.AlertTokenReuse, SubjectID: agent, OpenedAt: at,
		Message: "A spent sign-in token of an agent was used again; the sign-in was ended.",
	}})
	if err == nil && len(opened) > 0 {
		tx.Record(inbox.Event{Kind: inbox.EventAlertOpened, At: at, ActorKind: inbox.ActorSystem, AlertID: &id, AgentID: &agent})
	}
	return err
}
