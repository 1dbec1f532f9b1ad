package graph

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// logged is a log that a test can read while the edge writes it.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// edge returns the handler over a resolver without use cases, for what is decided before they are asked.
func edge(t *testing.T, change ...func(*Config)) (*Handler, *logged) {
	t.Helper()
	log := &logged{}
	config := Config{Resolver: &Resolver{}, Logger: telemetry.NewLogger(log, slog.LevelDebug)}
	for _, c := range change {
		c(&config)
	}
	return NewHandler(config), log
}

type answer struct {
	Status int
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
	Extensions map[string]any
}

// code returns the code of the only error, or "" when there is none.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// post sends an operation and returns the answer, which must be JSON.
func post(t *testing.T, h http.Handler, query string, variables map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return send(t, h, http.MethodPost, "application/json", string(body))
}

func send(t *testing.T, h http.Handler, method, contentType, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(telemetry.WithRequest(t.Context(), "request-7"), method, "/graphql", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := answer{Status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d is no JSON: %q", w.Code, w.Body)
	}
	return got
}
