package graph

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// Shared reports whether what is rendered of one item is sent for the other.
func Shared(a, b *live.Item) bool { return renderedAs(a, live.Gone+1) == renderedAs(b, live.Gone+1) }

// KeepRenderings sets how many bytes of renderings are kept.
func KeepRenderings(s *Subscriptions, bytes int) { s.shelf.limit = bytes }

// KeptRenderings returns how many bytes of renderings are counted, and how many are there.
func KeptRenderings(s *Subscriptions) (counted, there int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.cohorts {
		for i := range c.kept {
			if r := c.kept[i].Load(); r != nil {
				there += len(r.payload)
			}
		}
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	return s.shelf.bytes, there
}

// Tallies returns how many tallies have members.
func Tallies(s *Subscriptions) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tallies)
}

// Counting reports whether numbers are being read, or rest before they are read again.
func Counting(s *Subscriptions) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tallies {
		t.mu.Lock()
		reading := t.reading
		t.mu.Unlock()
		if reading {
			return true
		}
	}
	return false
}

// Executors returns an executor that writes lists itself, as the handler's does, and one that leaves everything to the generated code.
func Executors(r *Resolver, root gen.ResolverRoot) (ours, generated *executor.Executor) {
	both := [2]*executor.Executor{}
	for i := range both {
		schema := gen.NewExecutableSchema(gen.Config{Resolvers: root})
		both[i] = executor.New(schema)
		both[i].AroundResponses(r.withLoaders)
		if i == 0 {
			both[i].AroundFields(renderLists(newRenderer(schema.Schema(), root)))
		}
	}
	return both[0], both[1]
}

// Shown returns the response to an operation of one field that shows the item: as subscribers are sent it, whether it was written without the
// executor, and as the generated code writes it.
func Shown(
	ctx context.Context, r *Resolver, root gen.ResolverRoot, tenant inbox.TenantID, op *graphql.OperationContext, item any, snapshot *inbox.Snapshot,
) (ours, generated []byte, written bool) {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root})
	s := &Subscriptions{
		executor: executor.New(schema), renderer: newRenderer(schema.Schema(), root), primed: primedLoaders{resolver: r}, logger: slog.New(slog.DiscardHandler),
	}
	s.executor.AroundResponses(r.withLoaders)
	form := s.shape(tenant, op, graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})[0])
	one := &rendering{item: item, snapshot: snapshot}
	ours, _ = form.render(ctx, one)
	ctx = context.WithValue(ctx, loadersKey{}, s.primed.of(snapshot))
	generated, _ = form.execute(ctx, one)
	return ours, generated, form.write(ctx, one) != nil
}
