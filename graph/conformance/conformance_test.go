package conformance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const token = "a-good-token"

// oneToken accepts one token. The protocols are under test here, not the credentials.
type oneToken struct{}

func (oneToken) Authenticate(_ context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	if c.Bearer != token {
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "wrong")
	}
	tenant := inbox.TenantOf(uuid.MustParse("018f0000-0000-7000-8000-0000000000aa"))
	return inbox.AgentActor(tenant, uuid.New(), uuid.New(), inbox.RoleAgent, nil), time.Time{}, nil
}

// counting answers messageEvents with three numbered responses and lets every other subscription wait for ever.
type counting struct{}

func (counting) Open(_ context.Context, _ inbox.Actor, op *graphql.OperationContext, sink graph.Sink) (func(), error) {
	if strings.Contains(op.RawQuery, "messageEvents") {
		go func() {
			for n := 1; n <= 3; n++ {
				sink.Next(fmt.Appendf(nil, `{"data":{"n":%d}}`, n))
			}
			sink.Complete()
		}()
	}
	return func() {}, nil
}

// serve starts the edge with the protocols' own limits, less patient where a test would wait for nothing else.
func serve(t *testing.T) string {
	t.Helper()
	limits := graph.DefaultLimits()
	limits.InitTimeout = 2 * time.Second
	handler := graph.NewHandler(graph.Config{
		Resolver: &graph.Resolver{}, Subscriptions: counting{}, Auth: oneToken{},
		Limits: limits, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, expires, err := oneToken{}.Authenticate(r.Context(), auth.Credentials{
			Bearer: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
		})
		if err == nil {
			r = r.WithContext(graph.WithActor(r.Context(), actor, expires))
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// run runs a script with node and fails the test with what it printed when it exits with an error.
func run(t *testing.T, script string, env ...string) string {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the reference suites are not installed: run `npm ci` in graph/conformance")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "node", script)
	command.Env = append(os.Environ(), env...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output)
	}
	return string(output)
}

func TestGraphQLOverHTTPAudits(t *testing.T) {
	t.Parallel()
	output := run(t, "audits.mjs", "URL="+serve(t))
	if !strings.Contains(output, "61 of 61 ok") {
		t.Fatalf("not all 61 audits ran:\n%s", output)
	}
}

// The probes open sockets of nobody and of another site, name old protocols, and use an id twice. (H6, H7)
func TestTransportWSProbes(t *testing.T) {
	t.Parallel()
	url := serve(t)
	t.Log(run(t, "probes.mjs", "URL="+strings.Replace(url, "http", "ws", 1), "ORIGIN="+url, "TOKEN="+token))
}

func TestEventStreams(t *testing.T) {
	t.Parallel()
	t.Log(run(t, "events.mjs", "URL="+serve(t), "TOKEN="+token))
}
