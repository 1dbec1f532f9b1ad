package auth

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// Auth signs agents in and recognises callers. It is safe for concurrent use.
type Auth struct {
	store  Store
	tokens *Tokens
	hasher *Hasher
	ring   *secret.Keyring
	clock  func() time.Time

	signed  *memory[Claims]  // by the token's hash
	access  *memory[*Access] // by sign-in; nil: none
	keys    *memory[*APIKey] // by the key's hash; nil: none
	tenants *memory[named]   // by slug
}

// named is the tenant that a slug names, if there is one.
type named struct {
	tenant inbox.TenantID
	found  bool
}

// New returns an Auth over the store.
func New(store Store, tokens *Tokens, hasher *Hasher, ring *secret.Keyring, clock func() time.Time) *Auth {
	return &Auth{
		store: store, tokens: tokens, hasher: hasher, ring: ring, clock: clock,
		signed: newMemory[Claims](clock, rememberSigned), access: newMemory[*Access](clock, rememberFor),
		keys: newMemory[*APIKey](clock, rememberFor), tenants: newMemory[named](clock, rememberFor),
	}
}

// Credentials are what a request carries. Each is optional; together they must name one tenant.
type Credentials struct {
	Bearer     string // an access token
	APIKey     string
	TenantSlug string // from the subdomain: it selects, and never authorises
}

// refused is the one answer to every bad credential.
func refused() error {
	return fault.New(fault.Unauthenticated, "the credentials are missing, wrong or expired; sign in again")
}

// Authenticate returns who calls and until when that holds (the zero time: no end): until the first of his credentials ends. It returns the
// same Unauthenticated error for a missing, wrong, expired or revoked credential and for credentials that name different tenants.
func (a *Auth) Authenticate(ctx context.Context, c Credentials) (actor inbox.Actor, expires time.Time, err error) {
	switch {
	case c.Bearer != "":
		actor, expires, err = a.agent(ctx, c.Bearer)
	case c.APIKey != "":
		actor, expires, err = a.apiKey(ctx, c.APIKey)
	default:
		err = refused()
	}
	if err != nil {
		return inbox.Actor{}, time.Time{}, err
	}
	if expires, err = a.agree(ctx, actor.Tenant(), expires, c); err != nil {
		return inbox.Actor{}, time.Time{}, err
	}
	return actor, expires, nil
}

// agree refuses credentials that name different tenants: none of them wins. It returns the first of their ends.
func (a *Auth) agree(ctx context.Context, tenant inbox.TenantID, expires time.Time, c Credentials) (time.Time, error) {
	if c.Bearer != "" && c.APIKey != "" {
		second, ends, err := a.apiKey(ctx, c.APIKey)
		if err != nil {
			return time.Time{}, err
		}
		if second.Tenant() != tenant {
			return time.Time{}, refused()
		}
		if !ends.IsZero() && ends.Before(expires) { // a token always has an end
			expires = ends
		}
	}
	if c.TenantSlug == "" {
		return expires, nil
	}
	named, found, err := a.tenantBySlug(ctx, c.TenantSlug)
	if err != nil {
		return time.Time{}, err
	}
	if !found || named != tenant {
		return time.Time{}, refused()
	}
	return expires, nil
}

func (a *Auth) agent(ctx context.Context, token string) (inbox.Actor, time.Time, error) {
	claims, err := a.signed.recall(string(hashCredential(token)), func() (Claims, error) { return a.tokens.Check(token) })
	if err != nil || !a.tokens.holds(claims) {
		return inbox.Actor{}, time.Time{}, refused()
	}
	access, err := a.access.recall(accessKey(claims.Tenant, claims.Agent, claims.Session), func() (*Access, error) {
		var access *Access
		err := a.store.ReadTenant(ctx, claims.Tenant, func(tx Tx) error {
			tx.Last()
			read, found, err := tx.AgentAccess(ctx, claims.Agent, claims.Session, a.clock())
			access = nil
			if found {
				access = &read
			}
			return err
		})
		return access, err
	})
	if err != nil {
		return inbox.Actor{}, time.Time{}, err
	}
	if access == nil {
		return inbox.Actor{}, time.Time{}, refused()
	}
	return inbox.AgentActor(claims.Tenant, claims.Agent, claims.Session, access.Role, access.Accounts), claims.Expires, nil
}

// A key's last use is noted at most this often, so that a busy key does not write on every call.
const touchEvery = time.Minute

// apiKey returns whose the key is and until when it holds; the zero time: no end.
func (a *Auth) apiKey(ctx context.Context, credential string) (inbox.Actor, time.Time, error) {
	tenant, ok := parseCredential(apiKeyPrefix, credential)
	if !ok {
		return inbox.Actor{}, time.Time{}, refused()
	}
	hash := hashCredential(credential)
	key, err := a.keys.recall(string(hash), func() (*APIKey, error) { return a.readKey(ctx, tenant, hash) })
	if err != nil {
		return inbox.Actor{}, time.Time{}, err
	}
	if key == nil || !key.holds(a.clock()) { // a key that is remembered may have ended meanwhile
		return inbox.Actor{}, time.Time{}, refused()
	}
	return inbox.APIKeyActor(tenant, key.ID, key.Scopes), key.ExpiresAt, nil
}

// readKey returns the key with the hash, or nil when there is none that holds, and notes that it is used.
func (a *Auth) readKey(ctx context.Context, tenant inbox.TenantID, hash []byte) (*APIKey, error) {
	var key *APIKey
	now := a.clock()
	err := a.store.ReadTenant(ctx, tenant, func(tx Tx) error {
		tx.Last()
		read, found, err := tx.APIKeyByHash(ctx, hash, now)
		key = nil
		if found {
			key = &read
		}
		return err
	})
	if err != nil || key == nil || key.LastUsedAt != nil && now.Sub(*key.LastUsedAt) <= touchEvery {
		return key, err
	}
	return key, a.store.InTenant(ctx, tenant, func(tx Tx) error { return tx.TouchAPIKey(ctx, key.ID, now) })
}

func (a *Auth) tenantBySlug(ctx context.Context, slug string) (inbox.TenantID, bool, error) {
	got, err := a.tenants.recall(slug, func() (named, error) {
		tenant, found, err := a.store.TenantBySlug(ctx, strings.ToLower(slug))
		return named{tenant, found}, err
	})
	return got.tenant, got.found, err
}

// accessKey names what is remembered of a sign-in.
func accessKey(tenant inbox.TenantID, agent, session uuid.UUID) string {
	return tenant.String() + agent.String() + session.String()
}

func actorID(id uuid.UUID) *uuid.UUID { return &id }
