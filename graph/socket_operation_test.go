package graph

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// H2 holds over a socket as over HTTP, and so does what an operation may take.
func TestLimitsHoldOverSockets(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, nil)
	conn := s.enter(t, "ada")
	for _, query := range []string{chain(maxDepth + 1), "{ __schema { types { name } } }", "mutation { a: logout(input: {refreshToken: \\\"x\\\"}) { ok } b: logout(input: {refreshToken: \\\"x\\\"}) { ok } }"} {
		if !strings.Contains(query, `\"`) {
			query = strings.ReplaceAll(query, `"`, `\"`)
		}
		tell(t, conn, `{"id":"1","type":"subscribe","payload":{"query":"`+query+`"}}`)
		if got := hear(t, conn); got.Type != "error" {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}

func TestStaleResponsesAreDropped(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, nil)
	conn := s.enter(t, "ada")
	tell(t, conn, followAlerts)
	first := <-s.source.opened
	tell(t, conn, `{"id":"1","type":"complete"}`)
	<-s.source.stopped
	if !first.Next([]byte(`{"data":"stale"}`)) {
		t.Error("a subscription that has ended is told to slow down")
	}
	first.Complete()
	tell(t, conn, followAlerts)
	second := <-s.source.opened
	second.Next([]byte(`{"data":"fresh"}`))
	second.Flush()
	if got := hear(t, conn); got.Type != "next" || string(got.Payload) != `{"data":"fresh"}` {
		t.Fatalf("got %+v", got)
	}
}

// clumsyGate accepts a token when the socket begins and when it subscribes, panics when it is looked at again, twice, and then refuses it.
type clumsyGate struct{ asked atomic.Int64 }

func (g *clumsyGate) Authenticate(ctx context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	switch asked := g.asked.Add(1); {
	case asked <= 2:
		return gate{}.Authenticate(ctx, c)
	case asked <= 4:
		panic("it cannot be looked at")
	}
	return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "revoked")
}

// A panic while the credential of a socket is looked at costs that look: it is looked at later, and before the next operation.
func TestALookAtACredentialThatPanicsIsTakenAgain(t *testing.T) {
	t.Parallel()
	who := &clumsyGate{}
	s := serveEdge(t, func(c *Config) { c.Auth = who })
	conn := s.enter(t, "bob")
	tell(t, conn, followAlerts)
	sink := <-s.source.opened
	sink.Complete()
	if got := hear(t, conn); got.Type != "complete" {
		t.Fatalf("got %+v", got)
	}
	for end := time.Now().Add(30 * time.Second); strings.Count(s.log.String(), "panic of string") < 2; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it was looked at %d times, and the log says %s", who.asked.Load(), s.log)
		}
	}
	tell(t, conn, `{"id":"2","type":"subscribe","payload":{"query":"{ __typename }"}}`)
	if code, _ := hearClose(t, conn); code != 4403 {
		t.Errorf("closed with %d", code)
	}
}
