package graph

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

func TestAttemptsAreLimitedByAddressAndAccount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := newWindows(func() time.Time { return now })
	for range attemptsPerAccount {
		if err := allowAttempt(a, "10.0.0.1", "ada"); err != nil {
			t.Fatal(err)
		}
	}
	err := allowAttempt(a, "10.0.0.1", "ada")
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.RateLimited || refused.RetryAfter != time.Minute {
		t.Fatalf("the sixth attempt: %v", err)
	}
	if err := allowAttempt(a, "10.0.0.2", "ada"); err != nil {
		t.Fatalf("another address must not be locked out: %v", err)
	}
	if err := allowAttempt(a, "10.0.0.1", "bob"); err != nil {
		t.Fatalf("another account: %v", err)
	}
	now = now.Add(time.Minute)
	if err := allowAttempt(a, "10.0.0.1", "ada"); err != nil {
		t.Fatalf("a minute later: %v", err)
	}
}

func TestAttemptsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := newWindows(func() time.Time { return now })
	refused := 0
	for i := range attemptsPerAddress + 10 {
		if allowAttempt(a, "10.0.0.1", fmt.Sprint("account", i)) != nil {
			refused++
		}
	}
	if refused != 10 {
		t.Fatalf("%d of 10 were refused", refused)
	}
}

func TestAttemptsForget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := newWindows(func() time.Time { return now })
	for i := range maxWindows {
		_ = allowAttempt(a, fmt.Sprint(i), "x")
	}
	if len(a.kept) > maxWindows+2 {
		t.Fatalf("%d keys are kept", len(a.kept))
	}
}

func TestCostIsLimitedByCallerAndTenant(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	w := newWindows(func() time.Time { return now })
	as := func(name string) context.Context {
		actor, expires, err := gate{}.Authenticate(t.Context(), auth.Credentials{Bearer: name})
		if err != nil {
			t.Fatal(err)
		}
		return WithActor(t.Context(), actor, expires)
	}
	for range costPerCaller / maxComplexity {
		if err := allowCost(as("ada"), w, maxComplexity); err != nil {
			t.Fatal(err)
		}
	}
	if err := allowCost(as("ada"), w, 1); !fault.Is(err, fault.RateLimited) {
		t.Fatalf("H13: got %v", err)
	}
	if err := allowCost(as("bob"), w, 1); err != nil {
		t.Fatalf("a colleague pays for it: %v", err)
	}
	now = now.Add(time.Minute)
	if err := allowCost(as("ada"), w, 1); err != nil {
		t.Fatalf("a minute later: %v", err)
	}
}
