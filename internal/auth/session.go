package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const (
	refreshLife = 30 * 24 * time.Hour
	// A client whose answer was lost may ask again with the same nonce within this time.
	refreshGrace   = 10 * time.Second
	minNonceLength = 16
)

// Pair is what a sign-in gets: an access token until Expires and the refresh token for the next pair.
type Pair struct {
	Access  string
	Expires time.Time
	Refresh string
	Actor   inbox.Actor
}

// Login checks an agent's password and begins a sign-in. It returns the same Unauthenticated error for an unknown or suspended tenant, an
// unknown or disabled agent and a wrong password; the last three after the same work, while a tenant's name is public anyhow.
func (a *Auth) Login(ctx context.Context, tenantSlug, email, password string) (Pair, error) {
	tenant, found, err := a.store.TenantBySlug(ctx, strings.ToLower(strings.TrimSpace(tenantSlug)))
	if err != nil {
		return Pair{}, err
	}
	var agent StoredAgent
	if found {
		if agent, err = a.agentByEmail(ctx, tenant, email); err != nil {
			return Pair{}, err
		}
	}
	right, err := a.hasher.Verify(ctx, agent.PasswordHash, password)
	if err != nil {
		return Pair{}, err
	}
	if !found {
		return Pair{}, refused()
	}
	if !agent.Active || !right {
		return Pair{}, a.noteFailure(ctx, tenant, agent)
	}
	session, err := uuid.NewV7()
	if err != nil {
		return Pair{}, err
	}
	var refresh string
	err = a.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		if refresh, err = a.newRefresh(ctx, tx, tenant, agent.ID, session); err != nil {
			return err
		}
		return a.audit(ctx, tx, agent.ID, "session.started", session)
	})
	if err != nil {
		return Pair{}, err
	}
	return a.pair(ctx, tenant, agent.ID, session, refresh)
}

func (a *Auth) agentByEmail(ctx context.Context, tenant inbox.TenantID, email string) (agent StoredAgent, err error) {
	err = a.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		agent, _, err = tx.AgentByEmail(ctx, FoldEmail(email))
		return err
	})
	return agent, err
}

// noteFailure writes down a refused sign-in and returns the refusal. An unknown address is written down as well, so that it costs what a
// wrong password costs.
func (a *Auth) noteFailure(ctx context.Context, tenant inbox.TenantID, agent StoredAgent) error {
	err := a.store.InTenant(ctx, tenant, func(tx Tx) error {
		return a.audit(ctx, tx, agent.ID, "session.refused", uuid.Nil)
	})
	if err != nil {
		return err
	}
	return refused()
}

// FoldEmail returns the form in which addresses are compared.
func FoldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Refresh trades a refresh token for the next pair. A spent token ends the whole sign-in and alerts the tenant, unless the same client (the
// same nonce) asks again within 10 seconds; then it gets the same successor. It returns Unauthenticated for everything that is not a
// live token.
func (a *Auth) Refresh(ctx context.Context, refresh, nonce string) (Pair, error) {
	tenant, ok := parseCredential(refreshPrefix, refresh)
	if !ok {
		return Pair{}, refused()
	}
	var (
		token     RefreshToken
		successor string
		ended     bool
	)
	err := a.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		var found bool
		successor, ended = "", false
		if token, found, err = tx.LockRefreshToken(ctx, hashCredential(refresh)); err != nil || !found {
			return err
		}
		now := a.clock()
		switch {
		case token.RevokedAt != nil || !now.Before(token.ExpiresAt):
			return nil
		case token.SpentAt == nil:
			successor, err = a.spend(ctx, tx, tenant, token, nonce)
			return err
		case a.sameClient(token, nonce, now):
			plain, err := a.ring.Open(token.SuccessorSealed, successorPlace(tenant, token.ID))
			successor = string(plain)
			return err
		}
		ended, err = a.reused(ctx, tx, token)
		return err
	})
	if err != nil {
		return Pair{}, err
	}
	if successor == "" {
		if ended {
			a.forget(tenant, token)
		}
		return Pair{}, refused()
	}
	return a.pair(ctx, tenant, token.Agent, token.Session, successor)
}

func (a *Auth) spend(ctx context.Context, tx Tx, tenant inbox.TenantID, token RefreshToken, nonce string) (string, error) {
	successor, err := a.newRefresh(ctx, tx, tenant, token.Agent, token.Session)
	if err != nil {
		return "", err
	}
	now := a.clock()
	token.SpentAt = &now
	if len(nonce) >= minNonceLength {
		sum := sha256.Sum256([]byte(nonce))
		token.SpentNonce = sum[:]
		token.SuccessorSealed = a.ring.Seal([]byte(successor), successorPlace(tenant, token.ID))
	}
	if err := tx.SpendRefreshToken(ctx, token); err != nil {
		return "", err
	}
	return successor, a.audit(ctx, tx, token.Agent, "session.refreshed", token.Session)
}

func (a *Auth) sameClient(token RefreshToken, nonce string, now time.Time) bool {
	if token.SpentNonce == nil || now.Sub(*token.SpentAt) > refreshGrace {
		return false
	}
	sum := sha256.Sum256([]byte(nonce))
	return subtle.ConstantTimeCompare(sum[:], token.SpentNonce) == 1
}

// reused ends a sign-in of which a spent token came back: either the client or a thief is behind, and we cannot tell which.
func (a *Auth) reused(ctx context.Context, tx Tx, token RefreshToken) (ended bool, err error) {
	if ended, err = a.end(ctx, tx, token, "session.reuse_detected"); err != nil {
		return false, err
	}
	return ended, tx.OpenTokenReuseAlert(ctx, token.Agent, a.clock())
}

// Logout ends the sign-in of the refresh token. It returns nil also for a token that is unknown or ended before.
func (a *Auth) Logout(ctx context.Context, refresh string) error {
	tenant, ok := parseCredential(refreshPrefix, refresh)
	if !ok {
		return nil
	}
	var (
		token RefreshToken
		ended bool
	)
	err := a.store.InTenant(ctx, tenant, func(tx Tx) (err error) {
		var found bool
		ended = false
		if token, found, err = tx.LockRefreshToken(ctx, hashCredential(refresh)); err != nil || !found {
			return err
		}
		ended, err = a.end(ctx, tx, token, "session.ended")
		return err
	})
	if ended {
		a.forget(tenant, token)
	}
	return err
}

// end ends the sign-in of the token and reports whether it had not ended before.
func (a *Auth) end(ctx context.Context, tx Tx, token RefreshToken, action string) (bool, error) {
	now := a.clock()
	ended, err := tx.EndSession(ctx, token.Session, now)
	if err != nil || ended == 0 {
		return false, err
	}
	tx.Record(inbox.Event{
		Kind: inbox.EventSessionEnded, At: now, ActorKind: inbox.ActorAgent, ActorID: actorID(token.Agent),
		AgentID: actorID(token.Agent), SessionID: actorID(token.Session),
	})
	return true, a.audit(ctx, tx, token.Agent, action, token.Session)
}

// forget drops what is remembered of one sign-in. Others are not concerned: anybody may send made-up tokens, and each would have all callers
// read again.
func (a *Auth) forget(tenant inbox.TenantID, token RefreshToken) {
	a.access.drop(accessKey(tenant, token.Agent, token.Session))
}

func (a *Auth) newRefresh(ctx context.Context, tx Tx, tenant inbox.TenantID, agent, session uuid.UUID) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	now := a.clock()
	token := newCredential(refreshPrefix, tenant)
	return token, tx.InsertRefreshToken(ctx, RefreshToken{
		ID: id, Agent: agent, Session: session, Hash: hashCredential(token), CreatedAt: now, ExpiresAt: now.Add(refreshLife),
	})
}

func (a *Auth) pair(ctx context.Context, tenant inbox.TenantID, agent, session uuid.UUID, refresh string) (Pair, error) {
	access, expires, err := a.tokens.Issue(tenant, agent, session)
	if err != nil {
		return Pair{}, err
	}
	actor, _, err := a.agent(ctx, access)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Access: access, Expires: expires, Refresh: refresh, Actor: actor}, nil
}

func (a *Auth) audit(ctx context.Context, tx Tx, agent uuid.UUID, action string, session uuid.UUID) error {
	entry := inbox.AuditEntry{
		At: a.clock(), ActorKind: inbox.ActorAgent, ActorID: actorID(agent), Action: action, SubjectKind: "session",
	}
	if agent == uuid.Nil {
		entry.ActorKind, entry.ActorID = inbox.ActorSystem, nil
	}
	if session != uuid.Nil {
		entry.SubjectID = actorID(session)
	}
	return tx.Audit(ctx, entry)
}

func successorPlace(tenant inbox.TenantID, token uuid.UUID) secret.Place {
	return secret.Place{Tenant: tenant.String(), Table: "refresh_tokens", Row: token.String(), Column: "successor"}
}
