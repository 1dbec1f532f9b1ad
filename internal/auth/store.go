package auth

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Store is what auth needs kept; package db implements it.
type Store interface {
	// TenantBySlug returns the tenant of a subdomain; found is false when there is none or it is suspended.
	TenantBySlug(ctx context.Context, slug string) (tenant inbox.TenantID, found bool, err error)
	// InTenant runs fn in one transaction of the tenant, as inbox.Store does.
	InTenant(ctx context.Context, tenant inbox.TenantID, fn func(Tx) error) error
	// ReadTenant runs fn on one unchanging, read-only snapshot of the tenant's rows, as inbox.Store does.
	ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(Tx) error) error
}

// Tx is one transaction of one tenant. Finding nothing returns found false and no error.
type Tx interface {
	inbox.Recorder
	// Last says that the next call is the last that reads, as that of inbox.Tx does.
	Last()
	// AgentByEmail returns the agent with the case-folded address.
	AgentByEmail(ctx context.Context, emailFolded string) (agent StoredAgent, found bool, err error)
	// InsertRefreshToken keeps a new token.
	InsertRefreshToken(ctx context.Context, token RefreshToken) error
	// LockRefreshToken returns the token with the hash and holds its row until the transaction ends.
	LockRefreshToken(ctx context.Context, hash []byte) (token RefreshToken, found bool, err error)
	// SpendRefreshToken marks the token as used, and keeps its successor for the same client's next try.
	SpendRefreshToken(ctx context.Context, token RefreshToken) error
	// EndSession revokes every token of the sign-in that is not revoked yet and returns how many there were.
	EndSession(ctx context.Context, session uuid.UUID, at time.Time) (ended int, err error)
	// AgentAccess returns what the agent may do through the sign-in; found is false when the agent is disabled, the tenant suspended, or
	// the sign-in ended.
	AgentAccess(ctx context.Context, agent, session uuid.UUID, now time.Time) (access Access, found bool, err error)
	// APIKeyByHash returns the key with the hash unless it is revoked or expired, or the tenant is suspended.
	APIKeyByHash(ctx context.Context, hash []byte, now time.Time) (key APIKey, found bool, err error)
	// TouchAPIKey notes when a key was last used.
	TouchAPIKey(ctx context.Context, key uuid.UUID, at time.Time) error
	// OpenTokenReuseAlert tells the tenant's supervisors that a spent refresh token of the agent was used again.
	OpenTokenReuseAlert(ctx context.Context, agent uuid.UUID, at time.Time) error
}

// StoredAgent is an agent with what proves him.
type StoredAgent struct {
	ID           uuid.UUID
	PasswordHash string
	Active       bool
}

// RefreshToken is a kept token; the token itself is not kept, only its hash.
type RefreshToken struct {
	ID              uuid.UUID
	Agent           uuid.UUID
	Session         uuid.UUID
	Hash            []byte
	CreatedAt       time.Time
	ExpiresAt       time.Time
	SpentAt         *time.Time
	SpentNonce      []byte // SHA-256 of the nonce of the client that spent it
	SuccessorSealed []byte // the successor, for that client only
	RevokedAt       *time.Time
}

// Access is what an agent may do now.
type Access struct {
	Role     inbox.Role
	Accounts []uuid.UUID // the channel accounts of his teams and those of no team
}

// APIKey is a kept key.
type APIKey struct {
	ID         uuid.UUID
	Scopes     []inbox.Scope
	LastUsedAt *time.Time
	ExpiresAt  time.Time // the zero time: no end
}

func (k *APIKey) holds(now time.Time) bool { return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt) }
