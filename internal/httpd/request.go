package httpd

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

const requestHeader = "X-Request-Id"

// identified gives the request an id: the caller's own when it is sane, so that a chain of systems can be followed, else a new one.
func identified(next http.Handler) http.Handler {
	sane := regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestHeader)
		if !sane.MatchString(id) {
			id = uuid.NewString()
		}
		w.Header().Set(requestHeader, id)
		next.ServeHTTP(w, r.WithContext(telemetry.WithRequest(r.Context(), id)))
	})
}

// Observer is told of every request that was answered: the route's first segments, the status and the time it took.
type Observer interface {
	RequestServed(route string, status int, took time.Duration)
}

// watched logs each request without its query and body, counts it, and turns a panic into INTERNAL with the request id.
func watched(log *slog.Logger, observer Observer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started, rec := time.Now(), &recorder{ResponseWriter: w}
		defer func() {
			caught := recover()
			if caught == http.ErrAbortHandler { //nolint:errorlint // a sentinel to panic with, never wrapped
				panic(caught)
			}
			if caught != nil {
				log.ErrorContext(r.Context(), "panic while serving", fault.Panicked(caught).Attributes()...)
				if rec.status == 0 {
					writeError(rec, r, log, fault.New(fault.Internal, "panic"))
				}
			}
			took := time.Since(started)
			log.InfoContext(r.Context(), "request", "method", r.Method, "route", route(r.URL.Path), "status", rec.code(),
				"bytes", rec.bytes, "took", took.Round(time.Microsecond).String())
			observer.RequestServed(route(r.URL.Path), rec.code(), took)
		}()
		next.ServeHTTP(rec, r)
	})
}

// route names the handler a path leads to, without what follows: that may be an unguessable id or a signature, and would make metrics
// of endless kinds.
func route(path string) string {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "graphql", "files", "assets":
		return "/" + first
	case "webhooks":
		provider, _, _ := strings.Cut(rest, "/")
		if len(provider) > 20 || strings.Trim(provider, "abcdefghijklmnopqrstuvwxyz") != "" {
			provider = "?"
		}
		return "/webhooks/" + provider
	}
	return "/"
}

// recorder remembers what was answered. It passes on what WebSockets and event streams need.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 || r.status < 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// Hijack hands over the connection, for WebSockets.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.status = http.StatusSwitchingProtocols
	}
	return conn, buffers, err
}

// Flush sends what is buffered, for event streams.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
