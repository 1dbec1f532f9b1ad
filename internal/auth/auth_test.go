package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const (
	password = "correct horse battery"
	nonce    = "a-nonce-of-this-client"
)

// fixture is a tenant with one agent who has a password, and an Auth whose clock the test moves.
type fixture struct {
	*auth.Auth
	world  *inboxtest.World
	tenant *inboxtest.Tenant
	agent  uuid.UUID
	tokens *auth.Tokens
	now    atomic.Int64
}

func (f *fixture) clock() time.Time     { return time.Unix(0, f.now.Load()).UTC() }
func (f *fixture) pass(d time.Duration) { f.now.Add(int64(d)) }
func signingKey(id string, b byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}
func (f *fixture) email() string { return "ann@" + f.tenant.Slug + ".example" }
func (f *fixture) login() (auth.Pair, error) {
	return f.Login(context.Background(), f.tenant.Slug, " ANN@"+f.tenant.Slug+".Example ", password)
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{world: inboxtest.New(t)}
	f.now.Store(time.Now().UnixNano())
	f.tenant = f.world.Tenant("acme")
	f.agent = f.tenant.Agent("ann", inbox.RoleAgent)
	hasher := auth.NewHasher(4)
	hash, err := hasher.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	f.world.Exec("UPDATE agents SET password_hash = $1", hash)
	ring, err := secret.ParseKeyring(signingKey("k1", 1))
	if err != nil {
		t.Fatal(err)
	}
	if f.tokens, err = auth.NewTokens(signingKey("j1", 2), "https://inbox.example", 15*time.Minute, f.clock); err != nil {
		t.Fatal(err)
	}
	f.Auth = auth.New(f.world.DB.Auth(), f.tokens, hasher, ring, f.clock)
	return f
}

func mustRefuse(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("%s: got %v, want UNAUTHENTICATED", what, err)
	}
}

func TestLoginThenAuthenticate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	actor, expires, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access, TenantSlug: "acme"})
	if err != nil || actor.ID() != f.agent || actor.Tenant() != f.tenant.ID || actor.Role() != inbox.RoleAgent {
		t.Fatalf("got %+v, %v", actor, err)
	}
	if left := expires.Sub(f.clock()); left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("expires in %v", left)
	}
	if n := f.world.Int("SELECT count(*) FROM audit_log WHERE action = 'session.started' AND actor_id = $1", f.agent); n != 1 {
		t.Errorf("%d audit rows for the sign-in", n)
	}
	f.pass(16 * time.Minute)
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
	mustRefuse(t, "expired token", err)
}

// What is remembered of a token does not outlive it.
func TestARememberedTokenExpires(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	const leeway = 30 * time.Second
	f.pass(pair.Expires.Add(leeway - time.Second).Sub(f.clock()))
	if _, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access}); err != nil {
		t.Fatalf("a second before its end: %v", err)
	}
	f.pass(2 * time.Second) // less than anything is remembered
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
	mustRefuse(t, "a token that expired after it was remembered", err)
}

// Nobody learns from a refusal which tenant or address exists. (H13)
func TestLoginRefusesEverythingElseTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var texts []string
	for name, try := range map[string][3]string{
		"unknown tenant": {"nobody", f.email(), password},
		"unknown email":  {"acme", "bob@acme.example", password},
		"wrong password": {"acme", f.email(), "wrong horse battery"},
		"empty":          {"", "", ""},
		"huge password":  {"acme", f.email(), strings.Repeat("x", 5000)},
	} {
		_, err := f.Login(t.Context(), try[0], try[1], try[2])
		mustRefuse(t, name, err)
		texts = append(texts, err.Error())
	}
	if n := f.world.Int("SELECT count(*) FROM audit_log WHERE action = 'session.refused'"); n != 3 {
		t.Errorf("%d refusals written down; an unknown address must cost what a wrong password costs", n)
	}
	f.world.Exec("UPDATE agents SET status = 'DISABLED'")
	_, err := f.login()
	mustRefuse(t, "disabled agent", err)
	f.world.Exec("UPDATE agents SET status = 'ACTIVE'")
	f.world.Exec("UPDATE tenants SET status = 'SUSPENDED'")
	_, err = f.login()
	mustRefuse(t, "suspended tenant", err)
	for _, text := range texts {
		if text != err.Error() {
			t.Errorf("answers differ: %q and %q", text, err.Error())
		}
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Refresh(t.Context(), first.Refresh, nonce)
	if err != nil || second.Refresh == first.Refresh {
		t.Fatalf("refresh: %v", err)
	}
	again, err := f.Refresh(t.Context(), first.Refresh, nonce)
	if err != nil || again.Refresh != second.Refresh {
		t.Fatalf("the same client did not get the same successor: %v", err)
	}
	if _, err := f.Refresh(t.Context(), second.Refresh, ""); err != nil {
		t.Fatalf("the successor does not work: %v", err)
	}
}

func TestReuseEndsTheSignIn(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]func(*fixture, string) (auth.Pair, error){
		"another client": func(f *fixture, old string) (auth.Pair, error) {
			return f.Refresh(context.Background(), old, "a-nonce-of-another-one")
		},
		"no nonce": func(f *fixture, old string) (auth.Pair, error) { return f.Refresh(context.Background(), old, "") },
		"too late": func(f *fixture, old string) (auth.Pair, error) {
			f.pass(11 * time.Second)
			return f.Refresh(context.Background(), old, nonce)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			first, _ := f.login()
			second, err := f.Refresh(t.Context(), first.Refresh, nonce)
			if err != nil {
				t.Fatal(err)
			}
			_, err = reuse(f, first.Refresh)
			mustRefuse(t, "the spent token", err)
			_, err = f.Refresh(t.Context(), second.Refresh, nonce)
			mustRefuse(t, "its successor", err)
			_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: second.Access})
			mustRefuse(t, "the access token of the ended sign-in", err)
			if n := f.world.Int("SELECT count(*) FROM alerts WHERE kind = 'TOKEN_REUSE' AND subject_id = $1", f.agent); n != 1 {
				t.Errorf("%d alerts", n)
			}
			if n := f.world.Int("SELECT count(*) FROM alerts WHERE callback_due_at IS NOT NULL"); n != 0 {
				t.Errorf("%d alerts are to be posted to a business that has no alert URL", n)
			}
			if n := f.world.Int("SELECT count(*) FROM events WHERE kind = 'SESSION_ENDED' AND agent_id = $1", f.agent); n != 1 {
				t.Errorf("%d SESSION_ENDED events", n)
			}
		})
	}
}

func TestConcurrentRefreshHasOneSuccessor(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			pair, err := f.Refresh(context.Background(), first.Refresh, nonce)
			if err != nil {
				t.Errorf("refresh %d: %v", i, err)
			}
			got[i] = pair.Refresh
		})
	}
	wg.Wait()
	for _, token := range got {
		if token != got[0] {
			t.Fatal("one token had two successors")
		}
	}
}

func TestLogoutEndsTheSignInAndIsRepeatable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, _ := f.login()
	other, _ := f.login()
	for range 2 {
		if err := f.Logout(t.Context(), pair.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
	mustRefuse(t, "signed out", err)
	if _, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: other.Access}); err != nil {
		t.Errorf("another sign-in of the same agent ended too: %v", err)
	}
	if n := f.world.Int("SELECT count(*) FROM audit_log WHERE action = 'session.ended'"); n != 1 {
		t.Errorf("%d audit rows for one sign-out", n)
	}
}

// What an agent may do is read from the database again within 5 s, not from his token. (H12)
func TestAccessIsReadAfresh(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, _ := f.login()
	f.world.Exec("UPDATE agents SET role = 'ADMIN'")
	f.pass(4500 * time.Millisecond) // within the 5 s that are promised
	actor, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
	if err != nil || actor.Role() != inbox.RoleAdmin {
		t.Fatalf("role %q after promotion, %v", actor.Role(), err)
	}
	f.world.Exec("UPDATE agents SET status = 'DISABLED'")
	f.pass(4500 * time.Millisecond) // within the 5 s that are promised
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
	mustRefuse(t, "disabled agent", err)
}

func (f *fixture) key(tenant *inboxtest.Tenant) string {
	key, hash := auth.NewAPIKey(tenant.ID)
	f.world.Exec("INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'x', $3, '{notifications:send}', now())",
		tenant.ID.UUID(), inboxtest.NewID(), hash)
	return key
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	key := f.key(f.tenant)
	actor, _, err := f.Authenticate(t.Context(), auth.Credentials{APIKey: key})
	if err != nil || actor.Tenant() != f.tenant.ID || !actor.Has(inbox.ScopeSend) || actor.Has(inbox.ScopeRead) {
		t.Fatalf("got %+v, %v", actor, err)
	}
	if f.world.Int("SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL") != 1 {
		t.Error("the use was not noted")
	}
	for _, wrong := range []string{key + "x", key[:len(key)-1], "ik_" + key, strings.ToUpper(key), "ik_x_y", key[:40] + strings.Repeat("A", len(key)-40)} {
		_, _, err := f.Authenticate(t.Context(), auth.Credentials{APIKey: wrong})
		mustRefuse(t, wrong, err)
	}
	f.world.Exec("UPDATE api_keys SET revoked_at = now()")
	f.pass(4500 * time.Millisecond) // within the 5 s that are promised
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{APIKey: key})
	mustRefuse(t, "revoked key", err)
}

// R55: of several credentials none wins over another.
func TestCredentialsMustAgree(t *testing.T) {
	t.Parallel()
	f := setup(t)
	other := f.world.Tenant("other")
	pair, _ := f.login()
	mine, foreign := f.key(f.tenant), f.key(other)
	for name, c := range map[string]auth.Credentials{
		"nothing":                      {},
		"slug alone":                   {TenantSlug: "acme"},
		"token and foreign slug":       {Bearer: pair.Access, TenantSlug: "other"},
		"token and unknown slug":       {Bearer: pair.Access, TenantSlug: "nobody"},
		"token and foreign key":        {Bearer: pair.Access, APIKey: foreign},
		"token and made-up key":        {Bearer: pair.Access, APIKey: "ik_x"},
		"key and foreign slug":         {APIKey: mine, TenantSlug: "other"},
		"made-up token beside own key": {Bearer: "x.y.z", APIKey: mine},
	} {
		_, _, err := f.Authenticate(t.Context(), c)
		mustRefuse(t, name, err)
	}
	if _, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access, APIKey: mine, TenantSlug: "acme"}); err != nil {
		t.Errorf("agreeing credentials: %v", err)
	}
}

func TestTokensRefuseForgeries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	now := f.clock()
	good := jwt.MapClaims{
		"iss": "https://inbox.example", "aud": "inbox-api", "typ": "access", "sub": f.agent.String(), "tid": f.tenant.ID.String(),
		"sid": uuid.NewString(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	issued, _, err := f.tokens.Issue(f.tenant.ID, f.agent, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.tokens.Check(issued); err != nil {
		t.Fatalf("our own token: %v", err)
	}
	without := func(change jwt.MapClaims) jwt.MapClaims {
		claims := jwt.MapClaims{}
		for k, v := range good {
			claims[k] = v
		}
		for k, v := range change {
			if claims[k] = v; v == nil {
				delete(claims, k)
			}
		}
		return claims
	}
	parts := strings.Split(issued, ".")
	forged := map[string]string{
		"HS256 with a public key": signed(t, jwt.SigningMethodHS256, []byte("x"), good, "j1"),
		"alg none":                signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good, "j1"),
		"too long":                issued + strings.Repeat("A", 3000),
		"signature cut":           parts[0] + "." + parts[1] + ".",
		"signature of another":    parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
	}
	for name, token := range forged {
		if _, err := f.tokens.Check(token); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	own := ed25519Key(2)
	for name, claims := range map[string]jwt.MapClaims{
		"no exp": without(jwt.MapClaims{"exp": nil}), "expired": without(jwt.MapClaims{"exp": now.Add(-time.Minute).Unix()}),
		"other audience": without(jwt.MapClaims{"aud": "x"}), "no audience": without(jwt.MapClaims{"aud": nil}),
		"other issuer": without(jwt.MapClaims{"iss": "x"}), "widget type": without(jwt.MapClaims{"typ": "widget"}),
		"issued tomorrow": without(jwt.MapClaims{"iat": now.Add(24 * time.Hour).Unix()}),
		"no tenant":       without(jwt.MapClaims{"tid": nil}), "tenant not a UUID": without(jwt.MapClaims{"tid": "1 OR 1=1"}),
	} {
		if _, err := f.tokens.Check(signed(t, jwt.SigningMethodEdDSA, own, claims, "j1")); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := f.tokens.Check(signed(t, jwt.SigningMethodEdDSA, own, good, "j1")); err != nil {
		t.Errorf("the good claims these were made from are refused, so the test proves nothing: %v", err)
	}
	for _, kid := range []string{"", "j2", "../j1"} {
		if _, err := f.tokens.Check(signed(t, jwt.SigningMethodEdDSA, own, good, kid)); err == nil {
			t.Errorf("kid %q was accepted", kid)
		}
	}
}
