package wire

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Transports are the protocols of one process, which share its places for long-lived connections.
type Transports struct {
	config   *Config
	registry *registry
	all      []graphql.Transport // in the order in which they are asked; the last supports every request
}

// New returns the transports.
func New(config Config) *Transports {
	registry := newRegistry(config.Limits)
	config.crowd, config.apart = newCrowd(config.Limits), newCrowd(slow(config.Limits))
	events := &Events{Config: &config, registry: registry}
	return &Transports{config: &config, registry: registry, all: []graphql.Transport{
		newSocket(&config, registry), HTTP{Config: &config, Events: events},
	}}
}

// Serve answers a request in the protocol that it asks for.
func (t *Transports) Serve(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	defer func() {
		if p := recover(); p != nil {
			shown := t.config.Present(r.Context(), fault.Panicked(p))
			t.config.write(w, http.StatusInternalServerError, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{shown}}))
		}
	}()
	for _, transport := range t.all {
		if transport.Supports(r) {
			transport.Do(w, r, exec)
			return
		}
	}
}

// Drain refuses new sockets and event streams, asks the open ones to reconnect, and waits until they are gone. It returns ctx's
// error when ctx ends first.
func (t *Transports) Drain(ctx context.Context) error { return t.registry.drain(ctx) }

// Connections returns how many sockets and event streams are open.
func (t *Transports) Connections() int { return t.registry.count() }
