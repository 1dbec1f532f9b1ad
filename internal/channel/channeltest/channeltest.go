// Package channeltest is what every provider must pass. A provider's own test fills in a Fixture – how the vendor answers, how it signs,
// what it posts – and calls Run; the suite checks that requests, failures, secrets, signatures and events are as the contract in
// package channel says. Expected requests and events are golden files; run the test with -update to write them, then read them.
//
// Imports: channel and the standard library only.
package channeltest

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

var update = flag.Bool("update", false, "write the golden files of the provider under test")

// Fixture is one provider and its vendor.
type Fixture struct {
	// New returns the provider, speaking to the vendor at baseURL and giving up on a call after timeout.
	New func(t *testing.T, baseURL string, timeout time.Duration) channel.Provider
	// Account has working credentials; Secrets are the words in them that nobody may ever see.
	Account channel.Account
	Secrets []string
	// Sends are messages whose requests are compared with testdata/send/<name>.golden.json.
	Sends map[string]channel.Outbound
	// Accept is the vendor's answer to an accepted message, and Receipt what the provider makes of it.
	Accept  Answer
	Receipt channel.Receipt
	// Rejections are answers that refuse a message; together they must cover every class.
	Rejections []Rejection
	// Endpoint proves webhooks that Sign made; Sign returns body as the vendor would post it.
	Endpoint channel.Endpoint
	Sign     func(body []byte) channel.Request
	// Tamper returns variants of a signed request that must all be refused, by name. The suite adds a changed body, a changed header
	// and an unknown endpoint by itself.
	Tamper map[string]func(channel.Request) channel.Request
	// Besides, every body in testdata/webhooks/<name>.json is read, and its items compared with <name>.golden.json beside it.
}

// Answer is what the vendor's server replies.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
}

// Rejection is an answer that refuses a message, and the failure it must become. "{{secret}}" in its body becomes the first secret, for
// vendors that quote a credential when they refuse it.
type Rejection struct {
	Name       string
	Answer     Answer
	Class      channel.Class
	Code       string
	RetryAfter time.Duration
	// OneRecipient tells that it is a limit of this recipient alone.
	OneRecipient bool
}

// patience is how long a provider under test may wait for an answer, where the answer never comes.
const patience = 300 * time.Millisecond

// Run checks the provider. Each property is a subtest of its own.
func Run(t *testing.T, f Fixture) {
	t.Run("requests", f.requests)
	t.Run("acceptance", f.acceptance)
	t.Run("rejections", f.rejections)
	t.Run("outcomes", f.outcomes)
	t.Run("signatures", f.signatures)
	t.Run("webhooks", f.webhooks)
	t.Run("account", f.account)
}

// vendor starts a server that replies with handler, and returns the provider that speaks to it.
func (f Fixture) vendor(t *testing.T, timeout time.Duration, handler http.HandlerFunc) channel.Provider {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return f.New(t, server.URL, timeout)
}

// write is the handler that gives the answer.
func (a Answer) write(w http.ResponseWriter, _ *http.Request) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

// anySend returns one of the fixture's messages.
func (f Fixture) anySend(t *testing.T) channel.Outbound {
	t.Helper()
	for _, name := range sortedNames(f.Sends) {
		return f.Sends[name]
	}
	t.Fatal("the fixture has no message to send")
	return channel.Outbound{}
}

// sendFailure sends and returns the failure, which must be a *channel.SendError that shows no secret.
func (f Fixture) sendFailure(t *testing.T, p channel.Provider, m channel.Outbound) *channel.SendError {
	t.Helper()
	receipt, err := p.Send(context.Background(), f.Account, m)
	if err == nil {
		t.Fatalf("Send returned %+v, want an error", receipt)
	}
	e, ok := err.(*channel.SendError) //nolint:errorlint // the contract is this very type, not one that wraps it
	if !ok {
		t.Fatalf("Send returned a %T, want a *channel.SendError", err)
	}
	if e.Code == "" || e.Reason == "" {
		t.Errorf("failure %#v has no code or no reason", e)
	}
	f.showsNoSecret(t, "the failure", fmt.Sprintf("%v %+v %#v %v", e, e, *e, e.Err))
	if strings.Contains(e.Reason, "://") || strings.ContainsAny(e.Reason, "\r\n") {
		t.Errorf("reason %q holds an address or a line break", e.Reason)
	}
	return e
}

// showsNoSecret fails when text holds one of the account's secrets, or the first half of one.
func (f Fixture) showsNoSecret(t *testing.T, where, text string) {
	t.Helper()
	if len(f.Secrets) == 0 {
		t.Fatal("the fixture names no secret, so that nothing can be checked")
	}
	for _, secret := range f.Secrets {
		if strings.Contains(text, secret[:(len(secret)+1)/2]) {
			t.Errorf("%s shows a secret of the account", where)
		}
	}
}
