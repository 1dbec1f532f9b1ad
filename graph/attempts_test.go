package graph

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

func TestAttemptsAreLimitedByAddressAndAccount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := newAttempts(func() time.Time { return now })
	for range attemptsPerAccount {
		if err := a.allow("10.0.0.1", "ada"); err != nil {
			t.Fatal(err)
		}
	}
	err := a.allow("10.0.0.1", "ada")
	if !fault.Is(err, fault.RateLimited) || err.(*fault.Error).RetryAfter != time.Minute {
		t.Fatalf("the sixth attempt: %v", err)
	}
	if err := a.allow("10.0.0.2", "ada"); err != nil {
		t.Fatalf("another address must not be locked out: %v", err)
	}
	if err := a.allow("10.0.0.1", "bob"); err != nil {
		t.Fatalf("another account: %v", err)
	}
	now = now.Add(time.Minute)
	if err := a.allow("10.0.0.1", "ada"); err != nil {
		t.Fatalf("a minute later: %v", err)
	}
}

func TestAttemptsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := newAttempts(func() time.Time { return now })
	refused := 0
	for i := range attemptsPerAddress + 10 {
		if a.allow("10.0.0.1", fmt.Sprint("account", i)) != nil {
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
	a := newAttempts(func() time.Time { return now })
	for i := range maxAttemptKeys {
		_ = a.allow(fmt.Sprint(i), "x")
	}
	if len(a.tries) > maxAttemptKeys+2 {
		t.Fatalf("%d keys are kept", len(a.tries))
	}
}
