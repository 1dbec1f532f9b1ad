package channel

import (
	"fmt"
	"maps"
	"slices"
)

// Registry knows the providers of this process by their kind. It is filled once and then only read.
type Registry struct {
	providers map[string]Provider
}

// NewRegistry returns a Registry of the providers. It fails when two of them have the same kind or one has none.
func NewRegistry(providers ...Provider) (*Registry, error) {
	r := &Registry{providers: make(map[string]Provider, len(providers))}
	for _, p := range providers {
		kind := p.Kind()
		if kind == "" {
			return nil, fmt.Errorf("channel: provider %T has no kind", p)
		}
		if _, taken := r.providers[kind]; taken {
			return nil, fmt.Errorf("channel: two providers are called %q", kind)
		}
		r.providers[kind] = p
	}
	return r, nil
}

// Provider returns the provider of that kind, or an *UnknownProviderError.
func (r *Registry) Provider(kind string) (Provider, error) {
	p, ok := r.providers[kind]
	if !ok {
		return nil, &UnknownProviderError{Kind: kind, Known: r.Kinds()}
	}
	return p, nil
}

// Kinds returns the kinds of all providers in alphabetical order.
func (r *Registry) Kinds() []string {
	return slices.Sorted(maps.Keys(r.providers))
}

// UnknownProviderError reports a kind that no provider of the registry has.
type UnknownProviderError struct {
	Kind  string
	Known []string
}

// Error names the unknown kind and the known ones.
func (e *UnknownProviderError) Error() string {
	return fmt.Sprintf("channel: no provider is called %q; known are %v", e.Kind, e.Known)
}
