package auth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// Who signed a token is looked at once, and what its agent may do again and again.
func TestASignatureIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	other, _, err := f.tokens.Issue(f.tenant.ID, f.agent, inboxtest.NewID())
	if err != nil {
		t.Fatal(err)
	}
	f.tokens.ForgetKeys()
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: other})
	mustRefuse(t, "a token that was never seen, when no key is known", err)
	f.pass(10 * time.Minute) // access is forgotten many times over
	if err := ask(); err != nil {
		t.Errorf("a token that was looked at before: %v", err)
	}
	f.world.Exec("UPDATE agents SET status = 'DISABLED'")
	f.pass(5 * time.Second)
	mustRefuse(t, "a token of somebody who was disabled 5 s ago", ask())
	f.world.Exec("UPDATE agents SET status = 'ACTIVE'")
	f.pass(6 * time.Minute)
	mustRefuse(t, "a token beyond its end", ask())
}

// watched is a store that writes down what is done.
type watched struct {
	auth.Store
	did []string
}

func (s *watched) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(auth.Tx) error) error {
	s.did = append(s.did, "write")
	return s.Store.InTenant(ctx, tenant, fn)
}

func (s *watched) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(auth.Tx) error) error {
	s.did = append(s.did, "read")
	return s.Store.ReadTenant(ctx, tenant, func(tx auth.Tx) error { return fn(&watchedTx{tx, s}) })
}

type watchedTx struct {
	auth.Tx
	store *watched
}

func (tx *watchedTx) Last() {
	tx.store.did = append(tx.store.did, "last")
	tx.Tx.Last()
}

func (tx *watchedTx) AgentAccess(ctx context.Context, agent, session uuid.UUID, now time.Time) (auth.Access, bool, error) {
	tx.store.did = append(tx.store.did, "access")
	return tx.Tx.AgentAccess(ctx, agent, session, now)
}

func (tx *watchedTx) APIKeyByHash(ctx context.Context, hash []byte, now time.Time) (auth.APIKey, bool, error) {
	tx.store.did = append(tx.store.did, "key")
	return tx.Tx.APIKeyByHash(ctx, hash, now)
}

// To know a caller takes one message to the database, which reads and ends; the use of a key is noted once a minute.
func TestACallerIsKnownByOneMessage(t *testing.T) {
	t.Parallel()
	f := setup(t)
	store := &watched{Store: f.world.DB.Auth()}
	who := auth.New(store, f.tokens, auth.NewHasher(1), nil, f.clock)
	pair, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	key, hash := auth.NewAPIKey(f.tenant.ID)
	f.world.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'test', $3, '{}', now())`,
		f.tenant.ID.UUID(), inboxtest.NewID(), hash)
	for _, step := range []struct {
		what string
		with auth.Credentials
		did  []string
	}{
		{"an agent", auth.Credentials{Bearer: pair.Access}, []string{"read", "last", "access"}},
		{"the agent again", auth.Credentials{Bearer: pair.Access}, nil},
		{"an unused key", auth.Credentials{APIKey: key}, []string{"read", "last", "key", "write"}},
		{"the key 5 s later", auth.Credentials{APIKey: key}, []string{"read", "last", "key"}},
	} {
		f.pass(2500 * time.Millisecond)
		if step.what == "the key 5 s later" {
			f.pass(2500 * time.Millisecond)
		}
		store.did = nil
		if _, _, err := who.Authenticate(t.Context(), step.with); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if !slices.Equal(store.did, step.did) {
			t.Errorf("%s: did %v, want %v", step.what, store.did, step.did)
		}
	}
}

// H8: a key holds until its end, to the moment, also where it is remembered; whoever it lets in is told that end, and beside a token the earlier one.
func TestAKeyHoldsUntilItsEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pair, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	lasting, token, end := f.key(f.tenant), pair.Expires.Truncate(time.Second), f.clock().Add(10*time.Second).Truncate(time.Microsecond)
	short, hash := auth.NewAPIKey(f.tenant.ID)
	f.world.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, 'short', $3, '{}', now(), $4)`,
		f.tenant.ID.UUID(), inboxtest.NewID(), hash, end)
	for what, c := range map[string]struct {
		with auth.Credentials
		want time.Time
	}{
		"a lasting key":                {auth.Credentials{APIKey: lasting}, time.Time{}},
		"a short key":                  {auth.Credentials{APIKey: short}, end},
		"a token":                      {auth.Credentials{Bearer: pair.Access}, token},
		"a lasting key beside a token": {auth.Credentials{Bearer: pair.Access, APIKey: lasting}, token},
		"a short key beside a token":   {auth.Credentials{Bearer: pair.Access, APIKey: short}, end},
	} {
		if _, expires, err := f.Authenticate(t.Context(), c.with); err != nil || !expires.Equal(c.want) {
			t.Errorf("%s holds until %v, want %v (%v)", what, expires, c.want, err)
		}
	}
	f.now.Store(end.Add(-time.Second).UnixNano())
	if _, _, err := f.Authenticate(t.Context(), auth.Credentials{APIKey: short}); err != nil {
		t.Fatal(err)
	}
	f.now.Store(end.UnixNano())
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{APIKey: short})
	mustRefuse(t, "a key that was remembered when its end came", err)
	_, _, err = f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access, APIKey: short})
	mustRefuse(t, "the same beside a token", err)
}
