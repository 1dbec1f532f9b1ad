package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// What an access token says about itself (RFC 7519); anything else is refused.
const (
	audience   = "inbox-api"
	typeAccess = "access"
	leeway     = 30 * time.Second // between the clocks of our processes
	maxToken   = 2048             // bytes, looked at before anything is parsed

	longestLife = time.Hour
)

var errToken = errors.New("auth: token refused")

// Tokens signs and checks access tokens: EdDSA over keys of this issuer only, found by their id in memory.
type Tokens struct {
	issuer  string
	life    time.Duration
	clock   func() time.Time
	current string
	private ed25519.PrivateKey
	public  map[string]ed25519.PublicKey
	parser  *jwt.Parser
}

// Claims are what an access token carries. The role is not among them: it is read afresh, so that it can be taken away.
type Claims struct {
	Tenant  inbox.TenantID
	Agent   uuid.UUID
	Session uuid.UUID
	Expires time.Time
}

type wireClaims struct {
	jwt.RegisteredClaims
	Type    string `json:"typ"`
	Tenant  string `json:"tid"`
	Session string `json:"sid"`
}

// NewTokens reads signing keys in the form "id:base64seed,…" (32-byte Ed25519 seeds, the newest first) and returns Tokens that live for
// life, at most 60 minutes. It returns an error that names the key id at fault and never a key.
func NewTokens(keys, issuer string, life time.Duration, clock func() time.Time) (*Tokens, error) {
	if life <= 0 || life > longestLife {
		return nil, errors.New("an access token lives for at most 60 minutes")
	}
	t := &Tokens{issuer: issuer, life: life, clock: clock, public: map[string]ed25519.PublicKey{}}
	for _, part := range strings.Split(keys, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(part), ":")
		if !found || id == "" || len(id) > 32 {
			return nil, errors.New("signing keys have the form id:base64, separated by commas")
		}
		seed, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("signing key %q is not 32 bytes in base64", id)
		}
		private := ed25519.NewKeyFromSeed(seed)
		if t.current == "" {
			t.current, t.private = id, private
		}
		t.public[id] = private.Public().(ed25519.PublicKey)
	}
	t.parser = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(issuer),
		jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(), jwt.WithTimeFunc(clock))
	return t, nil
}

// Issue returns a signed access token for the agent's sign-in and when it expires.
func (t *Tokens) Issue(tenant inbox.TenantID, agent, session uuid.UUID) (token string, expires time.Time, err error) {
	now := t.clock()
	expires = now.Add(t.life).Truncate(time.Second)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{audience}, Subject: agent.String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Type: typeAccess, Tenant: tenant.String(), Session: session.String(),
	})
	unsigned.Header["kid"] = t.current
	token, err = unsigned.SignedString(t.private)
	return token, expires, err
}

// Check returns the claims of a token of ours that has not expired, otherwise an error that says nothing more.
func (t *Tokens) Check(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, errToken
	}
	var wire wireClaims
	if _, err := t.parser.ParseWithClaims(token, &wire, t.key); err != nil || wire.Type != typeAccess {
		return Claims{}, errToken
	}
	tenant, err1 := inbox.ParseTenantID(wire.Tenant)
	agent, err2 := uuid.Parse(wire.Subject)
	session, err3 := uuid.Parse(wire.Session)
	if err1 != nil || err2 != nil || err3 != nil {
		return Claims{}, errToken
	}
	return Claims{Tenant: tenant, Agent: agent, Session: session, Expires: wire.ExpiresAt.Time}, nil
}

// holds reports whether checked claims have not expired since.
func (t *Tokens) holds(claims Claims) bool { return t.clock().Before(claims.Expires.Add(leeway)) }

func (t *Tokens) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	key, known := t.public[id]
	if !known {
		return nil, errToken
	}
	return key, nil
}
