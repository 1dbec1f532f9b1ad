package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// tries asks a resolver from any address.
type tries struct {
	t *testing.T
	r *Resolver
}

func (a tries) allow(address, account string) error {
	return a.r.allowAttempt(withAddress(a.t.Context(), address), account)
}

func TestAttemptsAreLimitedByAddressAndAccount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := tries{t, &Resolver{attempts: newWindows(func() time.Time { return now })}}
	for range attemptsPerAccount {
		if err := a.allow("10.0.0.1", "ada"); err != nil {
			t.Fatal(err)
		}
	}
	err := a.allow("10.0.0.1", "ada")
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.RateLimited || refused.RetryAfter != time.Minute {
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
	a := tries{t, &Resolver{attempts: newWindows(func() time.Time { return now })}}
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

// counter is a place that processes share; away says that it cannot be asked.
type counter struct {
	counts map[string]int
	away   bool
}

func (c *counter) Count(_ context.Context, key string, _ time.Duration) (int, time.Duration, error) {
	if c.away {
		return 0, 0, errors.New("away")
	}
	c.counts[key]++
	return c.counts[key], 40 * time.Second, nil
}

func (c *counter) Counted(_ context.Context, key string) (int, error) {
	if c.away {
		return 0, errors.New("away")
	}
	return c.counts[key], nil
}

// TestAttemptsAreCountedInAllProcesses tries at two processes in turn; what one of them has seen itself counts there while the shared
// place is away.
func TestAttemptsAreCountedInAllProcesses(t *testing.T) {
	t.Parallel()
	shared := &counter{counts: map[string]int{}}
	processes := []tries{}
	for range 2 {
		processes = append(processes, tries{t, &Resolver{attempts: newWindows(time.Now), Attempts: shared}})
	}
	for i := range attemptsPerAccount {
		if err := processes[i%2].allow("10.0.0.1", "ada"); err != nil {
			t.Fatal(err)
		}
	}
	var refused *fault.Error
	for _, a := range processes {
		if err := a.allow("10.0.0.1", "ada"); !errors.As(err, &refused) || refused.RetryAfter != 40*time.Second {
			t.Fatalf("H13: the sixth attempt: %v", err)
		}
	}
	for key := range shared.counts {
		if strings.Contains(key, "ada") || strings.Contains(key, "10.0.0.1") {
			t.Errorf("the key %q names somebody", key)
		}
	}
	shared.away = true
	passed := 0
	for range 10 {
		if processes[0].allow("10.0.0.1", "ada") == nil {
			passed++
		}
	}
	if passed != 1 { // four were counted here before
		t.Errorf("%d more pass while the shared place is away", passed)
	}
}

func TestAttemptsForget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := tries{t, &Resolver{attempts: newWindows(func() time.Time { return now })}}
	for i := range maxWindows {
		_ = a.allow(fmt.Sprint(i), "x")
	}
	if len(a.r.attempts.kept) > maxWindows+2 {
		t.Fatalf("%d keys are kept", len(a.r.attempts.kept))
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

// H13: the addresses of one IPv6 subscriber are one caller; those of another are not.
func TestSignInsOfOneNetworkAreCountedTogether(t *testing.T) {
	t.Parallel()
	h, _ := edge(t, func(c *Config) { c.Resolver.attempts = newWindows(time.Now) })
	guess := func(from string) string {
		body := `{"query":"mutation { login(input: {tenant: \"a\", email: \"b@c.example\", password: \"` + strings.Repeat("x", maxPassword+1) + `\"}) { accessToken } }"}`
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	for i := range attemptsPerAccount {
		if raw := guess(fmt.Sprintf("[2001:db8::%x]:1", i+1)); !strings.Contains(raw, `"password"`) {
			t.Fatalf("guess %d is answered %s", i, raw)
		}
	}
	if raw := guess("[2001:db8::ffff:1]:1"); !strings.Contains(raw, `"RATE_LIMITED"`) {
		t.Errorf("one more of the same network is answered %s", raw)
	}
	if raw := guess("[2001:db8:0:1::1]:1"); !strings.Contains(raw, `"password"`) {
		t.Errorf("another network is answered %s", raw)
	}
}

// H13: operations that check a password are told apart, wherever in the document they ask for it.
func TestSignInsAreToldApart(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]bool{
		`mutation { x: login(input: {}) { expiresAt } }`:                                       true,
		`mutation { ...F } fragment F on Mutation { ... on Mutation { login { expiresAt } } }`: true,
		`mutation { refresh(input: {}) { expiresAt } }`:                                        false,
		`query { login: viewer { tenant { id } } }`:                                            false,
	} {
		parsed, err := parser.ParseQuery(&ast.Source{Input: document})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range parsed.Operations[0].SelectionSet {
			if spread, ok := s.(*ast.FragmentSpread); ok {
				spread.Definition = parsed.Fragments[0]
			}
		}
		if got := signsIn(&graphql.OperationContext{Operation: parsed.Operations[0]}); got != want {
			t.Errorf("%s: %v", document, got)
		}
	}
}

// H13: logouts of one address are limited, apart from its sign-ins.
func TestLogoutsAreLimited(t *testing.T) {
	t.Parallel()
	r := &Resolver{attempts: newWindows(time.Now)}
	here := withAddress(t.Context(), "192.0.2.1")
	for range attemptsPerAddress {
		if err := r.allowLogout(here); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.allowLogout(here); !fault.Is(err, fault.RateLimited) {
		t.Errorf("one more logout: %v", err)
	}
	if err := errors.Join(r.allowLogout(withAddress(t.Context(), "192.0.2.2")), r.allowAttempt(here, "ada")); err != nil {
		t.Errorf("another address, or a sign-in: %v", err)
	}
}
