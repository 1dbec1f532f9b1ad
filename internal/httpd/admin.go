package httpd

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"
)

// Health tells whether this process should be sent work. The zero value without checks is ready.
type Health struct {
	// Required must all succeed for the process to be ready; Reported are only told. Both are set before the first request.
	Required map[string]func(context.Context) error
	Reported map[string]func(context.Context) error
	stopping atomic.Bool
}

// Stop makes the process unready for good: it is about to end.
func (h *Health) Stop() { h.stopping.Store(true) }

const checkTimeout = 2 * time.Second

// readiness is the answer of /readyz. An error's words may hold addresses and stay in the log; here a check is "ok" or "failed".
type readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

func (h *Health) read(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := readiness{Ready: !h.stopping.Load(), Checks: map[string]string{}}
	if !answer.Ready {
		answer.Checks["process"] = "stopping"
		return answer
	}
	type result struct {
		name string
		err  error
	}
	all := maps.Clone(h.Reported)
	if all == nil {
		all = map[string]func(context.Context) error{}
	}
	maps.Copy(all, h.Required)
	results := make(chan result, len(all))
	for name, check := range all {
		go func() { results <- result{name, check(ctx)} }()
	}
	for range all {
		r := <-results
		answer.Checks[r.name] = "ok"
		if r.err != nil {
			answer.Checks[r.name] = "failed"
			_, needed := h.Required[r.name]
			answer.Ready = answer.Ready && !needed
		}
	}
	return answer
}

// NewAdminHandler returns what operators and their machines ask: /healthz (the process runs), /readyz (it can serve), /metrics and
// /debug/pprof. It belongs on a loopback address.
func NewAdminHandler(health *Health, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer := health.read(r.Context())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
