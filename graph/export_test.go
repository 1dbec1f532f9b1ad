package graph

import (
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
)

// Executors returns an executor that writes lists itself, as the handler's does, and one that leaves everything to the generated code.
func Executors(r *Resolver, root gen.ResolverRoot) (ours, generated *executor.Executor) {
	both := [2]*executor.Executor{}
	for i := range both {
		schema := gen.NewExecutableSchema(gen.Config{Resolvers: root})
		both[i] = executor.New(schema)
		both[i].AroundResponses(r.withLoaders)
		if i == 0 {
			both[i].AroundFields(renderLists(schema.Schema(), root))
		}
	}
	return both[0], both[1]
}
