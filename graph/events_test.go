package graph

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/auth"
)

// stream opens an event stream of a subscription as the agent of that name.
func stream(t *testing.T, s *served, name string, expires time.Time) *http.Response {
	t.Helper()
	actor, _, err := gate{}.Authenticate(t.Context(), auth.Credentials{Bearer: name})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.ServeHTTP(w, r.WithContext(WithActor(r.Context(), actor, expires)))
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	body := strings.NewReader(`{"query":"subscription { alertEvents { __typename } }"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestEventStreamKeepsItselfAliveAndCompletes(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.PingEvery = 50 * time.Millisecond })
	lines := bufio.NewScanner(stream(t, s, "ada", time.Time{}).Body)
	sink := <-s.source.opened
	comments := 0
	for lines.Scan() && comments < 2 {
		if lines.Text() == ":" {
			comments++
		}
	}
	sink.Next([]byte(`{"data":{"n":1}}`))
	sink.Complete()
	var got []string
	for lines.Scan() {
		if text := lines.Text(); text != "" && text != ":" {
			got = append(got, text)
		}
	}
	want := `event: next|data: {"data":{"n":1}}|event: complete|data: `
	if comments != 2 || strings.Join(got, "|") != want {
		t.Fatalf("%d comments, then %q", comments, got)
	}
	eventually(t, "its place is free", func() bool { return s.handler.Connections() == 0 })
}

// A stream that ends without complete tells the client to subscribe again.
func TestEventStreamIsCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(s *served){
		"R70 drain":             func(s *served) { _ = s.handler.Drain(context.Background()) },
		"H8 expired credential": nil,
	} {
		s := serveEdge(t, nil)
		expires := time.Time{}
		if cut == nil {
			expires = time.Now().Add(500 * time.Millisecond)
		}
		response := stream(t, s, "ada", expires)
		<-s.source.opened
		if cut != nil {
			cut(s)
		}
		rest, err := io.ReadAll(response.Body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(string(rest), "complete") {
			t.Errorf("%s: %q, %v", name, rest, err)
		}
		<-s.source.stopped
	}
}

// A caller has so many event streams and no more. (H7)
func TestEventStreamsAreCounted(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.PerCaller = 2 })
	for want := range 3 {
		response := stream(t, s, "ada", time.Time{})
		if got := response.StatusCode == http.StatusTooManyRequests; got != (want == 2) {
			t.Errorf("stream %d: status %d", want+1, response.StatusCode)
		}
	}
}
