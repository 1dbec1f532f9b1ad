package auth_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// roll is a store in memory where every agent may come in, and no key or name is known.
type roll struct {
	auth.Store
	read int // how often access was
}

func (s *roll) ReadTenant(_ context.Context, _ inbox.TenantID, fn func(auth.Tx) error) error {
	return fn(rollTx{roll: s})
}

func (s *roll) TenantBySlug(context.Context, string) (inbox.TenantID, bool, error) {
	return inbox.TenantID{}, false, nil
}

type rollTx struct {
	auth.Tx
	roll *roll
}

func (rollTx) Last() {}

func (tx rollTx) AgentAccess(context.Context, uuid.UUID, uuid.UUID, time.Time) (auth.Access, bool, error) {
	tx.roll.read++
	return auth.Access{Role: inbox.RoleAgent}, true, nil
}

func (rollTx) APIKeyByHash(context.Context, []byte, time.Time) (auth.APIKey, bool, error) {
	return auth.APIKey{}, false, nil
}

// H13: however many tokens, keys or names of one sort there are, they make nothing of another sort be read again.
func TestAFloodOfOneSortMakesNoOtherForgotten(t *testing.T) {
	t.Parallel()
	const flood = 10_001
	tenant, agent, session := inbox.TenantOf(inboxtest.NewID()), inboxtest.NewID(), inboxtest.NewID()
	begun := time.Now()
	// issue returns the nth of many tokens of one sign-in: it was issued up to 99 seconds ago and lives for up to 99 seconds more than others.
	issue := func(t *testing.T, n int) string {
		t.Helper()
		clock := func() time.Time { return begun.Add(-time.Duration(n%100) * time.Second) }
		tokens, err := auth.NewTokens(signingKey("j1", 2), "https://inbox.example", 10*time.Minute+time.Duration(n/100)*time.Second, clock)
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := tokens.Issue(tenant, agent, session)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, meet := range map[string]func(t *testing.T, a *auth.Auth, n int){
		"tokens": func(t *testing.T, a *auth.Auth, n int) {
			if _, _, err := a.Authenticate(t.Context(), auth.Credentials{Bearer: issue(t, n)}); err != nil {
				t.Fatal(err)
			}
		},
		"made-up keys": func(t *testing.T, a *auth.Auth, _ int) {
			key, _ := auth.NewAPIKey(tenant)
			_, _, err := a.Authenticate(t.Context(), auth.Credentials{APIKey: key})
			mustRefuse(t, "a made-up key", err)
		},
		"made-up names": func(t *testing.T, a *auth.Auth, n int) {
			_, _, err := a.Authenticate(t.Context(), auth.Credentials{Bearer: issue(t, 0), TenantSlug: "made-up-" + strconv.Itoa(n)})
			mustRefuse(t, "a made-up name", err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tokens, err := auth.NewTokens(signingKey("j1", 2), "https://inbox.example", time.Hour, func() time.Time { return begun })
			if err != nil {
				t.Fatal(err)
			}
			store := &roll{}
			a := auth.New(store, tokens, nil, nil, func() time.Time { return begun })
			known := auth.Credentials{Bearer: issue(t, 0)}
			if _, _, err := a.Authenticate(t.Context(), known); err != nil {
				t.Fatal(err)
			}
			for n := range flood {
				meet(t, a, n)
			}
			if name != "tokens" { // among so many a signature may be looked at again
				tokens.ForgetKeys()
			}
			if _, _, err := a.Authenticate(t.Context(), known); err != nil {
				t.Errorf("%d %s made a caller forgotten: %v", flood, name, err)
			}
			if store.read != 1 {
				t.Errorf("beside %d %s access was read %d times, want once", flood, name, store.read)
			}
		})
	}
}
