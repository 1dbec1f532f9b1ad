package graph

import (
	"strings"
	"testing"
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
