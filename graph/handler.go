package graph

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/wire"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// Authenticator tells who owns credentials and until when they hold; auth.Auth is one.
type Authenticator interface {
	Authenticate(ctx context.Context, credentials auth.Credentials) (inbox.Actor, time.Time, error)
}

// Subscriber runs subscriptions; Subscriptions is one.
type Subscriber interface {
	Open(ctx context.Context, actor inbox.Actor, op *graphql.OperationContext, sink Sink) (stop func(), err error)
}

// Config is what the edge needs. Fields that say so may be left out.
type Config struct {
	Resolver      *Resolver
	Subscriptions Subscriber
	Auth          Authenticator
	// Credentials returns what the request that opens a socket carries itself; what connection_init adds must agree with it. Nil:
	// nothing.
	Credentials func(r *http.Request) auth.Credentials
	// OriginAllowed reports whether pages of the request's Origin may open sockets; nil: pages of the same host.
	OriginAllowed func(r *http.Request) bool
	// RequestID returns the id that an INTERNAL error shows; nil: telemetry.RequestID.
	RequestID func(ctx context.Context) string
	// Introspection lets clients read the schema; for development.
	Introspection bool
	// Allowed are the only documents that are answered; nil: every one within the limits.
	Allowed *AllowedDocuments
	// Limits bound what a client can cost; the zero value: the published ones.
	Limits Limits
	Logger *slog.Logger
}

// Limits bound what a client can cost. See DefaultLimits.
type Limits = wire.Limits

// DefaultLimits returns the published limits.
func DefaultLimits() Limits { return wire.DefaultLimits() }

// Handler serves /graphql: POST, WebSocket and event streams.
type Handler struct {
	executor   *executor.Executor
	transports *wire.Transports
}

// NewHandler returns the handler of /graphql. The middleware around it has put the caller of a request into its context with
// WithActor, if there is one.
func NewHandler(config Config) *Handler {
	config = config.withDefaults()
	presenter := presenter{logger: config.Logger, requestID: config.RequestID}
	transports := wire.New(wire.Config{
		Apart: signsIn,
		Open:  config.open, Present: presenter.present, Authenticate: config.authenticate, Caller: callerOf,
		ClientIP: clientIP, OriginAllowed: config.OriginAllowed, Limits: config.Limits, Logger: config.Logger,
	})
	schema := config.Resolver.schema()
	exec := executor.New(schema)
	exec.SetErrorPresenter(presenter.present)
	exec.SetRecoverFunc(recovered)
	exec.SetParserTokenLimit(maxTokens)
	exec.SetDisableSuggestion(true)
	exec.SetDefaultRulesFn(silentRules)
	exec.SetQueryCache(newDocuments())
	exec.Use(allowed{list: config.Allowed})
	exec.Use(&limits{introspection: config.Introspection, costs: newWindows(time.Now)})
	exec.AroundResponses(config.Resolver.withLoaders)
	exec.AroundFields(renderLists(newRenderer(schema.Schema(), config.Resolver)))
	return &Handler{executor: exec, transports: transports}
}

// schema returns the executable schema over the resolver.
func (r *Resolver) schema() graphql.ExecutableSchema {
	config := gen.Config{Resolvers: r}
	weigh(&config.Complexity)
	return gen.NewExecutableSchema(config)
}

// ServeHTTP answers a request of any of the protocols.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := graphql.StartOperationTrace(withAddress(r.Context(), clientIP(r)))
	h.transports.Serve(w, r.WithContext(ctx), h.executor)
}

// Drain refuses new sockets and event streams, asks the open ones to reconnect, and waits until they are gone. It returns ctx's error
// when ctx ends first. http.Server.Shutdown does not know of sockets, so it is called beside it.
func (h *Handler) Drain(ctx context.Context) error { return h.transports.Drain(ctx) }

// Connections returns how many sockets and event streams are open.
func (h *Handler) Connections() int { return h.transports.Connections() }

func (c Config) withDefaults() Config {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Credentials == nil {
		c.Credentials = func(*http.Request) auth.Credentials { return auth.Credentials{} }
	}
	if c.RequestID == nil {
		c.RequestID = telemetry.RequestID
	}
	if c.OriginAllowed == nil {
		c.OriginAllowed = sameHost
	}
	return c
}

// open starts a subscription of the caller.
func (c Config) open(ctx context.Context, op *graphql.OperationContext, sink wire.Sink) (func(), error) {
	actor, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return c.Subscriptions.Open(ctx, actor, op, sink)
}

// authenticate tells who opens a socket. The request's own credentials and those of connection_init must agree.
func (c Config) authenticate(ctx context.Context, r *http.Request, init wire.Init) (wire.Caller, error) {
	credentials := c.Credentials(r)
	for _, pair := range []struct {
		own  *string
		init string
	}{{&credentials.Bearer, init.Bearer}, {&credentials.APIKey, init.APIKey}} {
		if pair.init != "" && *pair.own != "" && pair.init != *pair.own {
			return wire.Caller{}, fault.New(fault.Unauthenticated, "the credentials of the request and of connection_init differ")
		}
		*pair.own = max(*pair.own, pair.init)
	}
	if r.Header.Get("Origin") == "" && credentials.APIKey == "" {
		return wire.Caller{}, fault.New(fault.Forbidden, "a connection without an origin needs an API key")
	}
	return owner(ctx, c.Auth, credentials)
}

// owner returns who owns the credentials, and how to ask again later: a socket outlives the request that opened it.
func owner(ctx context.Context, who Authenticator, credentials auth.Credentials) (wire.Caller, error) {
	actor, expires, err := who.Authenticate(ctx, credentials)
	if err != nil {
		return wire.Caller{}, err
	}
	found := callerOf(WithActor(ctx, actor, expires))
	found.Again = func(ctx context.Context) (wire.Caller, error) { return owner(ctx, who, credentials) }
	return found, nil
}

// callerOf returns the caller in a context as the transports need to know him.
func callerOf(ctx context.Context) wire.Caller {
	actor, ok := ActorFrom(ctx)
	if !ok {
		return wire.Caller{}
	}
	expires := expiryFrom(ctx)
	return wire.Caller{
		Context: func(ctx context.Context) context.Context {
			return telemetry.WithTenant(WithActor(ctx, actor, expires), actor.Tenant().String())
		},
		Key:     actor.Tenant().String() + " " + actor.ID().String(),
		Expires: expires,
	}
}

// clientIP returns whom the person behind a request is counted as; the middleware has looked through proxies.
func clientIP(r *http.Request) string { return auth.NetworkOf(r.RemoteAddr) }

// sameHost reports whether the page comes from the host that it talks to.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "http://"+r.Host || origin == "https://"+r.Host
}
