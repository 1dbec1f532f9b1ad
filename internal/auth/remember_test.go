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
