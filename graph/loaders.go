package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

type loadersKey struct{}

// loaders are the loaders of one response.
type loaders struct{}

// withLoaders gives every response loaders of its own: a subscription that lived on one set would serve what was true when it began.
func (r *Resolver) withLoaders(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	return next(context.WithValue(ctx, loadersKey{}, &loaders{}))
}
