package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
	"github.com/switchboard-inbox/switchboard/web"
)

// everything is what a process that serves or works needs of its configuration.
func everything() needs {
	return needs{database: true, redis: true, keys: true, http: true, blob: true, provider: true}
}

func serve(ctx context.Context, args []string) error {
	if err := parse(flags("serve", ""), args); err != nil {
		return err
	}
	e, err := readEnvironment(everything())
	if err != nil {
		return err
	}
	p, err := openPlatform(ctx, e, logger(e), faultpoint.Clock())
	if err != nil {
		return err
	}
	defer p.close()
	api, err := p.newAPI(ctx)
	if err != nil {
		return err
	}
	p.log.Info("serving", "address", api.listener.Addr().String(), "public", p.env.PublicBaseURL, "admin", p.admin.Addr().String())
	return runLayers(ctx, p.stopping, p.ground(), api.live(), layer{{"http", api.run}})
}

// api is what only a process that serves has.
type api struct {
	*platform
	listener net.Listener
	handler  http.Handler
	graph    *graph.Handler
	ingest   *inbox.Ingest
	sessions *auth.Auth
}

// newAPI listens on the port and builds what answers there.
func (p *platform) newAPI(ctx context.Context) (_ *api, err error) {
	a := &api{platform: p}
	tokens, err := auth.NewTokens(p.env.JWTKeys.Reveal(), issuer, p.env.AccessTokenLife, p.clock)
	if err != nil {
		return nil, err
	}
	a.sessions = auth.New(p.db.Auth(), tokens, auth.NewHasher(2), p.ring, p.clock)
	a.listener, err = listen(ctx, "PORT", net.JoinHostPort(p.env.BindHost, strconv.Itoa(p.env.Port)))
	if err != nil {
		return nil, err
	}
	if p.env.PublicBaseURL == "" { // PORT=0: known only now
		p.env.PublicBaseURL = "http://localhost:" + strconv.Itoa(a.listener.Addr().(*net.TCPAddr).Port)
	}
	if err := a.build(); err != nil {
		return nil, errors.Join(err, a.listener.Close())
	}
	return a, nil
}

// listen opens an address; its error names the variable that chooses another.
func listen(ctx context.Context, variable, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: free it, or set %s to another one (0 takes any port that is free)", err, variable)
	}
	return listener, nil
}

func (a *api) build() error {
	signer, err := httpd.NewFileSigner("", a.env.FileKeys.Reveal(), a.clock)
	if err != nil {
		return err
	}
	origins, err := httpd.ParseOrigins(a.env.AllowedOrigins)
	if err != nil {
		return err
	}
	proxies, err := httpd.ParseProxies(a.env.TrustedProxies)
	if err != nil {
		return err
	}
	documents, err := allowedDocuments(a.env.Documents)
	if err != nil {
		return err
	}
	a.ingest = a.newIngest()
	a.graph = a.newGraph(signer, origins, documents)
	a.handler, err = httpd.NewHandler(httpd.Config{
		Log: a.log, Observer: a.metrics, Origins: origins, TrustedProxies: proxies, BaseDomain: a.env.BaseDomain,
		Secure: strings.HasPrefix(a.env.PublicBaseURL, "https://"), Auth: a.sessions, Identify: graph.WithActor,
	}, httpd.Routes{
		GraphQL: a.graph, App: web.Handler(),
		Files: httpd.NewFiles(signer, a.inbox, a.blobs, a.log),
		Webhooks: httpd.NewWebhooks(httpd.WebhookConfig{
			Providers: a.providers, Directory: a.db, Accounts: a.vault, Ingest: a.ingest, Apps: a.sharedApps(), Clock: a.clock, Log: a.log,
		}),
	})
	return err
}

// allowedDocuments returns the documents in the operator's folder and the agent app's; nil, for every document, without a folder.
func allowedDocuments(folder string) (*graph.AllowedDocuments, error) {
	if folder == "" {
		return nil, nil
	}
	return graph.ReadAllowedDocuments(os.DirFS(folder), web.Operations())
}

func (p *platform) newIngest() *inbox.Ingest {
	return inbox.NewIngest(inbox.IngestConfig{
		Store: p.db, Receipts: p.outbound, Directory: p.db, Clock: p.clock, Log: p.log, Media: p.bells,
	})
}

// newGraph builds /graphql with its subscriptions.
func (a *api) newGraph(signer *httpd.FileSigner, origins *httpd.Origins, documents *graph.AllowedDocuments) *graph.Handler {
	resolver := graph.NewResolver(a.inbox, a.outbound, a.sessions, signer, a.clock)
	resolver.Attempts = a.limiter
	subscriptions := graph.NewSubscriptions(graph.SubscriptionsConfig{
		Hub: a.hub, Inbox: a.inbox, Resolver: resolver, Alerts: a.outbound.AlertsOf, Logger: a.log,
	})
	handler := graph.NewHandler(graph.Config{
		Resolver: resolver, Subscriptions: subscriptions, Auth: a.sessions, Credentials: httpd.Credentials,
		OriginAllowed: origins.Allows, RequestID: telemetry.RequestID, Introspection: a.env.Introspection, Allowed: documents, Logger: a.log,
	})
	a.metrics.Gauge("switchboard_sockets_open", "Open sockets and event streams.", func() float64 { return float64(handler.Connections()) })
	return handler
}

// sharedApps are the webhook addresses that a whole app shares: /webhooks/{provider}.
func (a *api) sharedApps() map[string]channel.Endpoint {
	if a.env.MetaAppSecret.IsZero() {
		return nil
	}
	var secrets [][]byte
	for _, s := range strings.Split(a.env.MetaAppSecret.Reveal(), ",") {
		secrets = append(secrets, []byte(strings.TrimSpace(s)))
	}
	return map[string]channel.Endpoint{
		meta.Kind: channel.NewEndpoint("app", []byte(a.env.MetaVerifyToken.Reveal()), secrets...),
	}
}

// live is the layer that tells subscribers what happens, in this process and in others.
func (a *api) live() layer {
	listener := db.NewListener(db.ListenConfig{
		URL: a.env.ListenURL.Reveal(), Log: a.log, Heard: a.hub.Hint, Resumed: a.hub.WakeAll,
	})
	return layer{{"hub", a.hub.Run}, {"listener", listener.Run}}
}

// run answers requests; at the end it asks sockets to reconnect elsewhere, and lets what was taken in be committed.
func (a *api) run(ctx context.Context) error {
	err := httpd.Serve(ctx, a.listener, a.handler, a.log, func(ctx context.Context) { _ = a.graph.Drain(ctx) })
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, a.ingest.Drain(drain))
}
