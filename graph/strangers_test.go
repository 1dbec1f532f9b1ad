package graph

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

func (a tries) stranger(address, account string) error {
	return a.r.allowStranger(withAddress(a.t.Context(), address), account)
}

// H13: who guesses at one account from ever new networks is slowed down to a trickle. An agent is not locked out by it where he was signed in before,
// other accounts are not concerned, and an hour later it is over.
func TestACrowdAtOneAccountIsSlowedDown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	a := tries{t, &Resolver{attempts: newWindows(func() time.Time { return now })}}
	a.r.rememberNetwork(withAddress(t.Context(), "192.0.2.1"), "ada")
	network := 0
	guess := func() error {
		network++
		return a.stranger(fmt.Sprint("network ", network), "ada")
	}
	for i := range crowdFree {
		if err := guess(); err != nil {
			t.Fatalf("try %d of a few: %v", i+1, err)
		}
	}
	passed, longest := 0, time.Duration(0)
	for second := range 3000 {
		for range 5 {
			err := guess()
			if err == nil {
				passed++
				continue
			}
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != fault.RateLimited || refused.RetryAfter < time.Second || refused.RetryAfter > longestPause {
				t.Fatalf("refused with %v", err)
			}
			longest = max(longest, refused.RetryAfter)
		}
		if second%60 == 0 {
			if err := a.stranger("192.0.2.1", "ada"); err != nil {
				t.Fatalf("strangers lock the agent out at his own network: %v", err)
			}
			if err := a.stranger(fmt.Sprint("network ", network), "bob"+fmt.Sprint(second/600)); err != nil {
				t.Fatalf("another account: %v", err)
			}
		}
		now = now.Add(time.Second)
	}
	if passed < 45 || passed > 60 || longest != longestPause {
		t.Errorf("in 50 minutes %d of 15,000 strangers passed, and waited %v at most", passed, longest)
	}
	now = now.Add(crowdWithin)
	for i := range crowdFree {
		if err := guess(); err != nil {
			t.Fatalf("try %d when it is over: %v", i+1, err)
		}
	}
}

// H13: processes count a crowd together, and know a network together.
func TestACrowdIsCountedInAllProcesses(t *testing.T) {
	t.Parallel()
	shared := &counter{counts: map[string]int{}}
	processes := []tries{}
	for range 2 {
		processes = append(processes, tries{t, &Resolver{attempts: newWindows(time.Now), Attempts: shared}})
	}
	processes[0].r.rememberNetwork(withAddress(t.Context(), "192.0.2.1"), "ada")
	passed := 0
	for i := range 3 * crowdFree {
		if processes[i%2].stranger(fmt.Sprint("network ", i), "ada") == nil {
			passed++
		}
	}
	if passed != crowdFree+1 {
		t.Errorf("%d passed at two processes, want %d", passed, crowdFree+1)
	}
	for i, a := range processes {
		if err := a.stranger("192.0.2.1", "ada"); err != nil {
			t.Errorf("at process %d the agent's own network is unknown: %v", i, err)
		}
	}
	shared.away = true
	if err := processes[1].stranger("another", "ada"); !fault.Is(err, fault.RateLimited) {
		t.Errorf("what a process knows itself is forgotten while the shared place is away: %v", err)
	}
}
