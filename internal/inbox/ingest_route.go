package inbox

import (
	"context"
	"sync"
	"time"
)

const (
	// routeLife is how long the route of an account is remembered: so long may items still come in for one that was disabled.
	routeLife = 2 * time.Second
	// routeYoung is how long nobody asks again. After it the first who needs the route does, and the others go on with what is remembered: many
	// webhooks of one account would otherwise ask at once.
	routeYoung = routeLife - 500*time.Millisecond
	// routesMost bounds how many routes are remembered.
	routesMost = 10_000
)

// routeBook remembers whose accounts are, so that not every webhook asks for it. Only what was found is remembered: items of an account that is
// being connected are not turned into strays for longer than the database says. What has expired stays until it is asked for again or there is no more
// room; it is never used.
type routeBook struct {
	directory Directory

	mu    sync.Mutex
	known map[accountKey]knownRoute
}

type accountKey struct{ provider, ref string }

type knownRoute struct {
	route Route
	since time.Time
	asked bool // somebody has asked again
}

// serves reports whether the route may be used without asking. After the clock was put back nobody knows how old it is.
func (k knownRoute) serves(now time.Time) bool {
	age := now.Sub(k.since)
	return age >= 0 && (age < routeYoung || k.asked && age < routeLife)
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
		b.known[accountKey{provider, ref}] = knownRoute{route: route, since: now}
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
		key := accountKey{provider, ref}
		k, known := b.known[key]
		if known && k.serves(now) {
			routes[ref] = k.route
			continue
		}
		if unknown = append(unknown, ref); known {
			k.asked = true
			b.known[key] = k
		}
	}
	return routes, unknown
}
