package inbox

import (
	"context"
	"sync"
	"time"
)

const (
	// routeLife is how long the route of an account is remembered: so long may items still come in for one that was disabled.
	routeLife = 2 * time.Second
	// routesMost bounds how many routes are remembered.
	routesMost = 10_000
)

// routeBook remembers whose accounts are, so that not every webhook asks for it. Only what was found is remembered: items of an account that is
// being connected are not turned into strays for longer than the database says.
type routeBook struct {
	directory Directory

	mu    sync.Mutex
	known map[accountKey]knownRoute
}

type accountKey struct{ provider, ref string }

type knownRoute struct {
	route Route
	until time.Time
}

func newRouteBook(directory Directory) *routeBook {
	return &routeBook{directory: directory, known: map[accountKey]knownRoute{}}
}

// find returns the routes of those of the provider's account keys that an enabled account has. It returns an error when the directory
// cannot be asked about the others.
func (b *routeBook) find(ctx context.Context, provider string, refs []string, now time.Time) (map[string]Route, error) {
	routes, unknown := b.recall(provider, refs, now)
	if len(unknown) == 0 {
		return routes, nil
	}
	found, err := b.directory.AccountsByRef(ctx, provider, unknown)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for ref, route := range found {
		if len(b.known) >= routesMost {
			clear(b.known)
		}
		b.known[accountKey{provider, ref}] = knownRoute{route: route, until: now.Add(routeLife)}
		routes[ref] = route
	}
	return routes, nil
}

// recall returns what is remembered, and the keys that the directory has to be asked about.
func (b *routeBook) recall(provider string, refs []string, now time.Time) (routes map[string]Route, unknown []string) {
	routes = make(map[string]Route, len(refs))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ref := range refs {
		if k, ok := b.known[accountKey{provider, ref}]; ok && now.Before(k.until) {
			routes[ref] = k.route
		} else {
			unknown = append(unknown, ref)
		}
	}
	return routes, unknown
}
