package conformance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const password = "correct horse battery"

// stack is the API as the binary serves it: database, live hub, credentials, middleware and the edge.
type stack struct {
	*inboxtest.World
	t      *testing.T
	tenant *inboxtest.Tenant
	db     *db.DB
	url    string
	// statements is how many the API has sent to the database.
	statements atomic.Int64
	ingest     *inbox.Ingest
}

func newStack(t *testing.T, changes ...func(*graph.Limits)) *stack {
	t.Helper()
	limits := graph.DefaultLimits()
	for _, change := range changes {
		change(&limits)
	}
	s := &stack{World: inboxtest.New(t), t: t}
	s.tenant = s.Tenant("acme")
	log := slog.New(slog.DiscardHandler)
	var hub *live.Hub
	opened, err := db.Open(t.Context(), db.Config{URL: s.AppURL, MaxConns: 16, Log: log,
		Statement: func(string) { s.statements.Add(1) },
		Committed: func(tenant inbox.TenantID, seq int64) { hub.Wake(tenant, seq) }})
	if err != nil {
		t.Fatal(err)
	}
	hub = live.New(live.Config{Source: opened.Stream(), Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = hub.Run(ctx) })
	s.db = opened
	s.ingest = inbox.NewIngest(inbox.IngestConfig{Store: opened, Directory: opened, Clock: time.Now, Log: log})
	server := httptest.NewServer(s.api(hub, log, limits))
	s.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		running.Wait()
		opened.Close()
	})
	return s
}

func key(id string, b byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

// nobody looks at requests.
type nobody struct{}

func (nobody) RequestServed(string, int, time.Duration) {}

// api returns the handler of the public address.
func (s *stack) api(hub *live.Hub, log *slog.Logger, limits graph.Limits) http.Handler {
	s.t.Helper()
	ring, err := secret.ParseKeyring(key("k1", 1))
	check(s.t, err)
	tokens, err := auth.NewTokens(key("j1", 2), "https://inbox.example", 15*time.Minute, time.Now)
	check(s.t, err)
	signer, err := httpd.NewFileSigner("", key("f1", 3), time.Now)
	check(s.t, err)
	origins, err := httpd.ParseOrigins("")
	check(s.t, err)
	whatsapp, err := meta.New(meta.Config{})
	check(s.t, err)
	providers, err := channel.NewRegistry(whatsapp)
	check(s.t, err)
	sessions := auth.New(s.db.Auth(), tokens, auth.NewHasher(2), ring, time.Now)
	in := inbox.New(s.db, time.Now)
	out := outbound.New(s.db.Outbound(), outbound.Config{Providers: providers, Secrets: ring, Clock: time.Now, Log: log})
	resolver := graph.NewResolver(in, out, sessions, signer, time.Now)
	handler := graph.NewHandler(graph.Config{
		Resolver: resolver, Auth: sessions, Credentials: httpd.Credentials, OriginAllowed: origins.Allows, Limits: limits, Logger: log,
		Subscriptions: graph.NewSubscriptions(graph.SubscriptionsConfig{
			Hub: hub, Inbox: in, Resolver: resolver, Alerts: out.AlertsOf, Logger: log,
		}),
	})
	guarded, err := httpd.NewHandler(httpd.Config{Log: log, Observer: nobody{}, Origins: origins, Auth: sessions, Identify: graph.WithActor},
		httpd.Routes{GraphQL: handler, Webhooks: http.NotFoundHandler(), Files: http.NotFoundHandler(), App: http.NotFoundHandler()})
	check(s.t, err)
	return guarded
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// agent adds an agent who can sign in.
func (s *stack) agent(name string, role inbox.Role, teams ...uuid.UUID) uuid.UUID {
	s.t.Helper()
	id := s.tenant.Agent(name, role, teams...)
	hash, err := auth.NewHasher(1).Hash(s.t.Context(), password)
	check(s.t, err)
	s.Exec("UPDATE agents SET password_hash = $1 WHERE id = $2", hash, id)
	return id
}

// apiKey adds an API key with the scopes.
func (s *stack) apiKey(scopes ...string) string {
	scopes = append([]string{}, scopes...) // none is an empty list, not NULL
	key, hash := auth.NewAPIKey(s.tenant.ID)
	s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'test', $3, $4, now())`,
		s.tenant.ID.UUID(), inboxtest.NewID(), hash, scopes)
	return key
}

// login signs an agent in over the API and returns his access token.
func (s *stack) login(name string) string {
	s.t.Helper()
	got := s.ask(http.Header{}, `mutation($in: LoginInput!) { login(input: $in) { accessToken viewer { agent { name } tenant { slug } } } }`,
		map[string]any{"in": map[string]any{"tenant": "acme", "email": name + "@acme.example", "password": password}})
	if got.at("login.viewer.agent.name") != name || got.at("login.viewer.tenant.slug") != "acme" {
		s.t.Fatalf("login: %s", got.raw)
	}
	return got.at("login.accessToken").(string)
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// reply is the answer to an operation.
type reply struct {
	raw    []byte
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
}

// at returns the value at a path such as "conversations.edges.0.node.id" in the data, or nil.
func (r reply) at(path string) any {
	var value any = r.Data
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i := int(part[0] - '0')
			if len(part) != 1 || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func (r reply) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].Extensions["code"].(string)
}

// ask sends an operation over HTTP.
func (s *stack) ask(header http.Header, query string, variables map[string]any) reply {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(s.t, err)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	check(s.t, err)
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	check(s.t, err)
	defer response.Body.Close()
	var got reply
	got.raw, err = io.ReadAll(response.Body)
	check(s.t, err)
	if err := json.Unmarshal(got.raw, &got); err != nil {
		s.t.Fatalf("%d %s", response.StatusCode, got.raw)
	}
	return got
}
