package wire

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// Transports are the protocols of one process, which share its places for long-lived connections.
type Transports struct {
	config   *Config
	registry *registry
}

// New returns the transports.
func New(config Config) *Transports {
	return &Transports{config: &config, registry: newRegistry(config.Limits)}
}

// All returns the transports in the order in which they are asked.
func (t *Transports) All() []graphql.Transport {
	events := &Events{Config: t.config, registry: t.registry}
	return []graphql.Transport{newSocket(t.config, t.registry), HTTP{Config: t.config, Events: events}}
}

// Drain refuses new sockets and event streams, asks the open ones to reconnect, and waits until they are gone. It returns ctx's
// error when ctx ends first.
func (t *Transports) Drain(ctx context.Context) error { return t.registry.drain(ctx) }

// Connections returns how many sockets and event streams are open.
func (t *Transports) Connections() int { return t.registry.count() }
