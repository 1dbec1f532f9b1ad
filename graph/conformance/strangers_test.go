package conformance

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// H13: a crowd of networks that guesses at one account is slowed down together, while the agent signs in where he did before.
func TestACrowdAtOneAccountIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.agent("ann", inbox.RoleAgent)
	s.login("ann")
	guess := func(from string) (got reply) {
		// Too long to be right, so that no guess costs what a password costs.
		body := fmt.Sprintf(`{"query":"mutation { login(input: {tenant: \"ACME\", email: \" Ann@acme.example\", password: \"%s\"}) { accessToken } }"}`,
			strings.Repeat("x", 2000))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", strings.NewReader(body))
		check(t, err)
		r.Header.Set("Content-Type", "application/json")
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
		response, err := transport.RoundTrip(r)
		check(t, err)
		defer func() { _ = response.Body.Close() }()
		check(t, json.NewDecoder(response.Body).Decode(&got))
		return got
	}
	passed, refused := 0, 0
	for network := range 60 {
		switch got := guess(fmt.Sprintf("127.0.1.%d", network+1)); got.code() {
		case "INVALID":
			passed++
		case "RATE_LIMITED":
			refused++
			if wait, ok := got.Errors[0].Extensions["retryAfter"].(float64); !ok || wait < 1 || wait > 60 {
				t.Errorf("to wait: %v", got.Errors[0].Extensions)
			}
		default:
			t.Fatalf("%+v", got)
		}
	}
	if passed < 19 || refused < 20 {
		t.Errorf("of 60 networks %d passed and %d were refused", passed, refused)
	}
	s.login("ann")
}
