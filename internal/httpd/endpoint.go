package httpd

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	// endpointLife is how long an address is remembered, also one that does not exist.
	endpointLife = 30 * time.Second
	// endpointsMost bounds how many addresses are remembered: a few megabytes.
	endpointsMost = 10_000
	// endpointIDMost is the longest id of an address; ours have 26 characters.
	endpointIDMost = 100
)

// endpoint is one webhook address and what proves its callers.
type endpoint struct {
	name  string // for counting
	keys  channel.Endpoint
	route *inbox.Route // nil for an address that a whole app shares, and for one that does not exist
}

// endpoints finds webhook addresses. One that does not exist, or whose account is disabled, is found as an address that nothing can
// satisfy, so that it costs what a real one costs.
type endpoints struct {
	config WebhookConfig

	mu    sync.Mutex
	known map[string]remembered
}

type remembered struct {
	endpoint endpoint
	until    time.Time
}

func newEndpoints(config WebhookConfig) *endpoints {
	return &endpoints{config: config, known: map[string]remembered{}}
}

// pathOf returns the provider and the rest of the path under /webhooks/.
func pathOf(r *http.Request) (path webhookPath) {
	path.provider, path.id, path.own = strings.Cut(strings.TrimPrefix(r.URL.Path, "/webhooks/"), "/")
	return path
}

// webhookPath is a parsed address.
type webhookPath struct {
	provider string
	id       string // of an account's own address
	own      bool   // whether the address is an account's own
}

// find returns the endpoint. It returns an error only when the database cannot be asked.
func (e *endpoints) find(ctx context.Context, provider channel.Provider, path webhookPath) (endpoint, error) {
	if provider == nil {
		return endpoint{keys: channel.UnknownEndpoint()}, nil
	}
	name := path.provider + "/" + path.id
	if !path.own {
		keys, ok := e.config.Apps[path.provider]
		if !ok {
			keys = channel.UnknownEndpoint()
		}
		return endpoint{name: name, keys: keys}, nil
	}
	if !isEndpointID(path.id) { // nothing that the database has to be asked for, or that is worth remembering
		return endpoint{keys: channel.UnknownEndpoint()}, nil
	}
	now := e.config.Clock()
	if found, ok := e.recall(name, now); ok {
		return found, nil
	}
	found, err := e.look(ctx, provider, path)
	if err != nil {
		return endpoint{}, err
	}
	found.name = name
	e.remember(name, remembered{endpoint: found, until: now.Add(endpointLife)})
	return found, nil
}

// isEndpointID reports whether the text can be the id of an account's own address.
func isEndpointID(text string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return text != "" && len(text) <= endpointIDMost
}

// look asks the database.
func (e *endpoints) look(ctx context.Context, provider channel.Provider, path webhookPath) (endpoint, error) {
	nobody := endpoint{keys: channel.UnknownEndpoint()}
	maker, ok := provider.(channel.EndpointMaker)
	if !ok {
		return nobody, nil
	}
	route, found, err := e.config.Directory.AccountByEndpoint(ctx, path.provider, path.id)
	if err != nil || !found {
		return nobody, err
	}
	account, err := e.config.Accounts.OpenAccount(ctx, route)
	switch {
	case fault.Is(err, fault.Unavailable):
		return nobody, err
	case err != nil:
		e.config.Log.ErrorContext(ctx, "a webhook address cannot be used", "tenant", route.Tenant.String(), "account", route.Account, "error", err)
		return nobody, nil
	case account.Status == inbox.AccountDisabled:
		return nobody, nil
	}
	keys, err := maker.Endpoint(path.id, account.Account)
	if err != nil {
		e.config.Log.WarnContext(ctx, "a webhook address cannot be used", "tenant", route.Tenant.String(), "account", route.Account, "error", err)
		return nobody, nil
	}
	return endpoint{keys: keys, route: &route}, nil
}

func (e *endpoints) recall(name string, now time.Time) (endpoint, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, ok := e.known[name]
	return k.endpoint, ok && now.Before(k.until)
}

func (e *endpoints) remember(name string, k remembered) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.known) >= endpointsMost {
		clear(e.known)
	}
	e.known[name] = k
}
