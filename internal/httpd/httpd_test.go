package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// seen is what the handler behind the middleware found.
type seen struct {
	remote, host, slug string
	actor              inbox.Actor
	request            string
}

type edge struct {
	t      *testing.T
	log    *lines
	served *served
	seen   seen
	panics any
	http.Handler
}

type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

type served struct {
	route  string
	status int
}

func (s *served) RequestServed(route string, status int, _ time.Duration) {
	s.route, s.status = route, status
}

// oneKey knows one API key and one bearer, of one tenant.
type oneKey struct{ tenant inbox.TenantID }

func (k oneKey) Authenticate(_ context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	if c.Bearer == "good" || c.APIKey == "good" {
		return inbox.SystemActor(k.tenant), time.Time{}, nil
	}
	if c.Bearer == "down" {
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unavailable, "the database is away")
	}
	return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "no")
}

type actorKey struct{}

func newEdge(t *testing.T, change func(*Config)) *edge {
	t.Helper()
	e := &edge{t: t, log: &lines{}, served: &served{}}
	origins, err := ParseOrigins("https://desk.example.com")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Log: telemetry.NewLogger(e.log, slog.LevelInfo), Observer: e.served, Origins: origins, Auth: oneKey{inbox.TenantOf(uuid.New())},
		Identify: func(ctx context.Context, actor inbox.Actor, _ time.Time) context.Context {
			return context.WithValue(ctx, actorKey{}, actor)
		},
	}
	if change != nil {
		change(&cfg)
	}
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.panics != nil {
			panic(e.panics)
		}
		actor, _ := r.Context().Value(actorKey{}).(inbox.Actor)
		e.seen = seen{remote: r.RemoteAddr, host: r.Host, slug: auth.TenantSlug(r.Context()), actor: actor, request: telemetry.RequestID(r.Context())}
		_, _ = io.WriteString(w, "inner")
	})
	if e.Handler, err = NewHandler(cfg, Routes{GraphQL: inner, Webhooks: inner, Files: inner, App: inner}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *edge) do(method, target string, header map[string]string) *httptest.ResponseRecorder {
	e.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(`{"secret":"body"}`))
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code, RequestID string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Errors) != 1 {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return body.Errors[0].Extensions.Code
}

func TestEveryCodeHasAnAnswer(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		if a, ok := answers()[code]; !ok || a.status < 400 {
			t.Errorf("%s has no HTTP status", code)
		}
	}
	if len(answers()) != len(fault.Codes()) {
		t.Error("a code that does not exist is mapped")
	}
}

// An error's cause is not in its answer. (H10)
func TestErrorsTellOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	writeError(w, r, log, fault.Wrap(fault.Internal, io.ErrUnexpectedEOF, "dial 10.0.0.7"))
	if w.Code != 500 || strings.Contains(w.Body.String(), "10.0.0.7") || strings.Contains(w.Body.String(), "EOF") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	writeError(w, r, log, io.ErrUnexpectedEOF)
	if w.Code != 500 || codeOf(t, w) != "INTERNAL" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	writeError(w, r, log, &fault.Error{Code: fault.RateLimited, Message: "slower", RetryAfter: 1500 * time.Millisecond})
	if w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	w := e.do("GET", "/", map[string]string{"X-Request-Id": "abc-12345"})
	if got := w.Header().Get("X-Request-Id"); got != "abc-12345" || e.seen.request != got {
		t.Errorf("a sane id became %q (%q inside)", got, e.seen.request)
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 65), "evil\nline-12345", "sp ace-12345"} {
		w := e.do("GET", "/", map[string]string{"X-Request-Id": bad})
		if got := w.Header().Get("X-Request-Id"); got == bad || len(got) != 36 {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

func TestLogHasNoQueryNoBodyNoEndpoint(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.do("POST", "/webhooks/meta/unguessable?hub.verify_token=canary", nil)
	line := e.log.String()
	for _, hidden := range []string{"unguessable", "canary", "secret"} {
		if strings.Contains(line, hidden) {
			t.Errorf("the log shows %q: %s", hidden, line)
		}
	}
	if !strings.Contains(line, `"route":"/webhooks/meta"`) || !strings.Contains(line, `"status":200`) || !strings.Contains(line, `"request":"`) {
		t.Errorf("log line %s", line)
	}
	if e.served.route != "/webhooks/meta" || e.served.status != 200 {
		t.Errorf("observed %+v", e.served)
	}
	for path, want := range map[string]string{"/webhooks/../../x": "/webhooks/?", "/assets/a.js": "/assets", "/inbox/1": "/", "/files/k": "/files"} {
		if got := route(path); got != want {
			t.Errorf("route(%q) = %q, want %q", path, got, want)
		}
	}
}

// A panic is an error with a number; where it was is in the log only, and what it said nowhere, since it may quote anything. (H10, R60)
func TestPanicBecomesInternal(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.panics = "CANARY"
	w := e.do("POST", "/graphql", map[string]string{"X-Request-Id": "panic-0001"})
	if w.Code != 500 || codeOf(t, w) != "INTERNAL" || !strings.Contains(w.Body.String(), "panic-0001") || strings.Contains(w.Body.String(), "CANARY") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(e.log.String(), "CANARY") || !strings.Contains(e.log.String(), "httpd_test.go") {
		t.Error("the log tells what it said, or not where it panicked")
	}
}

// Every answer says what a browser may do with it. (H42)
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	w := newEdge(t, func(c *Config) { c.Secure = true }).do("GET", "/", nil)
	for name, part := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000",
	} {
		if !strings.Contains(w.Header().Get(name), part) {
			t.Errorf("%s: %q", name, w.Header().Get(name))
		}
	}
	if w := newEdge(t, nil).do("GET", "/", nil); w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over plain HTTP")
	}
}

// A page of another site may not write, in old browsers neither. (H4)
func TestOtherSitesMayNotWrite(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"no browser":        {nil, 200},
		"same origin":       {map[string]string{"Origin": "http://example.com", "Sec-Fetch-Site": "same-origin"}, 200},
		"another site":      {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		"another site, old": {map[string]string{"Origin": "https://evil.example"}, 403},
		"a sibling site":    {map[string]string{"Origin": "https://evil.example.com", "Sec-Fetch-Site": "same-site"}, 403},
		"an allowed site":   {map[string]string{"Origin": "https://desk.example.com", "Sec-Fetch-Site": "cross-site"}, 200},
	} {
		w := e.do("POST", "/graphql", c.header)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
		if c.want == 403 && codeOf(t, w) != "FORBIDDEN" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	preflight := map[string]string{"Origin": "https://desk.example.com", "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "cross-site"}
	if w := e.do("OPTIONS", "/graphql", preflight); w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != preflight["Origin"] {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	preflight["Origin"] = "https://evil.example"
	if w := e.do("OPTIONS", "/graphql", preflight); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another site: %d %v", w.Code, w.Header())
	}
}

// Origins are compared whole. (H5)
func TestOrigins(t *testing.T) {
	t.Parallel()
	origins, err := ParseOrigins(" https://Desk.example.com ,http://localhost:5173")
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{
		"": true, "https://desk.example.com": true, "http://localhost:5173": true, "https://host.example": true, "http://host.example": true,
		"http://desk.example.com": false, "https://evil.example": false, "null": false, "https://host.example.evil": false, "http://localhost:5174": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.Host = "host.example"
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := origins.Allows(r); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
	for _, bad := range []string{"desk.example.com", "https://a/b", "ftp://a", "https://"} {
		if _, err := ParseOrigins(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestForwardedHeadersCountFromProxiesOnly(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies("10.0.0.0/8, 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, func(c *Config) { c.TrustedProxies, c.BaseDomain = proxies, "example.com" })
	forwarded := map[string]string{"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.1.1", "X-Forwarded-Host": "acme.example.com"}
	e.do("GET", "/", forwarded) // httptest comes from 192.0.2.1
	if e.seen.remote != "203.0.113.9:0" || e.seen.slug != "acme" {
		t.Errorf("through a proxy: %+v", e.seen)
	}
	e = newEdge(t, func(c *Config) { c.BaseDomain = "example.com" })
	e.do("GET", "/", forwarded)
	if !strings.HasPrefix(e.seen.remote, "192.0.2.1:") || e.seen.slug != "" {
		t.Errorf("from anybody: %+v", e.seen)
	}
	for _, bad := range []string{"10.0.0.0/33", "localhost", "x"} {
		if _, err := ParseProxies(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestSubdomainSelects(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(c *Config) { c.BaseDomain = "desk.example" })
	for host, want := range map[string]string{
		"acme.desk.example": "acme", "ACME.desk.example:8080": "acme", "desk.example": "", "a.b.desk.example": "", "acme.desk.example.evil": "",
		"acme_.desk.example": "",
	} {
		e.do("GET", "/", map[string]string{"Host": host})
		if e.seen.slug != want {
			t.Errorf("%q selects %q, want %q", host, e.seen.slug, want)
		}
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for name, c := range map[string]struct {
		header map[string]string
		status int
		code   string
		known  bool
	}{
		"nobody":           {nil, 200, "", false},
		"bearer":           {map[string]string{"Authorization": "Bearer good"}, 200, "", true},
		"bearer, any case": {map[string]string{"Authorization": "bearer good"}, 200, "", true},
		"key":              {map[string]string{"X-API-Key": "good"}, 200, "", true},
		"wrong bearer":     {map[string]string{"Authorization": "Bearer bad"}, 401, "UNAUTHENTICATED", false},
		"wrong scheme":     {map[string]string{"Authorization": "Basic Z29vZA=="}, 401, "UNAUTHENTICATED", false},
		"no token":         {map[string]string{"Authorization": "Bearer"}, 401, "UNAUTHENTICATED", false},
		"empty key":        {map[string]string{"X-API-Key": ""}, 401, "UNAUTHENTICATED", false},
		"wrong key":        {map[string]string{"X-API-Key": "bad"}, 401, "UNAUTHENTICATED", false},
		"database away":    {map[string]string{"Authorization": "Bearer down"}, 503, "UNAVAILABLE", false},
	} {
		e.seen = seen{}
		w := e.do("POST", "/graphql", c.header)
		if w.Code != c.status || c.code != "" && codeOf(t, w) != c.code {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if known := !e.seen.actor.Tenant().IsZero(); known != c.known {
			t.Errorf("%s: known %v", name, known)
		}
	}
	e.seen = seen{}
	if w := e.do("POST", "/webhooks/meta/x", map[string]string{"Authorization": "Bearer bad"}); w.Code != 200 {
		t.Errorf("a provider's own Authorization header was taken for ours: %d", w.Code)
	}
}
