package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Config says how the public address is served.
type Config struct {
	Log            *slog.Logger
	Observer       Observer
	Origins        *Origins
	TrustedProxies []netip.Prefix
	BaseDomain     string // tenants are its subdomains; empty: subdomains mean nothing
	Secure         bool   // the public address is https
	Auth           Authenticator
	// Identify returns the context in which the GraphQL handler finds its caller.
	Identify func(ctx context.Context, actor inbox.Actor, expires time.Time) context.Context
}

// Routes are the handlers behind the public address.
type Routes struct {
	GraphQL  http.Handler // /graphql
	Webhooks http.Handler // /webhooks/…
	Files    http.Handler // /files/…
	App      http.Handler // everything else
}

// NewHandler returns the public address's handler. It fails when an allowed origin cannot be used.
func NewHandler(cfg Config, routes Routes) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/graphql", recognised(cfg.Auth, cfg.Identify, cfg.Log, routes.GraphQL))
	mux.Handle("/webhooks/", bounded(routes.Webhooks))
	mux.Handle("/files/", bounded(routes.Files))
	mux.Handle("/", bounded(routes.App))
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeError(w, r, cfg.Log, fault.New(fault.Forbidden, "this request comes from another web site, which is not allowed to send it"))
	})
	guarded, err := cfg.Origins.protect(underSubdomain(cfg.BaseDomain, mux), refuse)
	if err != nil {
		return nil, err
	}
	handler := watched(cfg.Log, cfg.Observer, hardened(cfg.Secure, guarded))
	return behindProxies(cfg.TrustedProxies, identified(handler)), nil
}

// The server's limits on a slow or talkative client. A WebSocket sets deadlines of its own once it has taken the connection over.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 90 * time.Second
	maxHeaderBytes    = 16 << 10
	// How long requests may take to finish once the server is told to stop.
	drainTimeout = 25 * time.Second
	// So long before that ends, answers that are still being written are given up.
	lastCall = 2 * time.Second
)

// writeTimeout bounds how long an answer may take to leave, but not GraphQL's, which sets deadlines for each message and each part of an
// answer.
const writeTimeout = 60 * time.Second

func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Without a connection underneath, as in tests, there is no deadline to set and nobody to wait for.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		next.ServeHTTP(w, r)
	})
}

// Serve answers on the listener until ctx ends. Then it accepts nothing new, calls closing (which ends long-lived connections that the
// server does not know any more), lets requests finish for at most 25 seconds, and returns nil; or an error when it could not
// serve, or had to cut requests off. An answer that is still being written after 23 seconds is given up, whether or not its reader takes it, and is no
// error.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger, closing func(context.Context)) error {
	return serve(ctx, listener, handler, log, closing, drainTimeout, lastCall)
}

func serve(
	ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger, closing func(context.Context), drain, last time.Duration,
) error {
	// Requests live on while the server drains, and end for certain when this function does.
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	open := &connections{open: map[net.Conn]struct{}{}}
	server.ConnState = open.note
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	patience, stop := context.WithTimeout(requests, drain)
	defer stop()
	go open.giveUp(patience, drain-last)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		closing(patience)
	}()
	err := server.Shutdown(patience)
	select {
	case <-closed:
	case <-patience.Done():
	}
	if err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
