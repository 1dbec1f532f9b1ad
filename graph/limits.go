package graph

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// What one operation may ask, whatever protocol it came by. The deepest document of the agent app has 7 levels (a conversation's
// messages with the files of the message they quote); 10 leaves room for a client to add three and stops chains of `replyTo`.
const (
	maxTokens     = 1000 // before parsing: validation is quadratic in the document
	maxDepth      = 10
	maxAliases    = 15
	maxRootFields = 10
	maxDirectives = 10
	maxFields     = 1000 // after fragments are expanded
	maxPage       = 100
	maxComplexity = 5000
)

// limits refuses operations that ask too much, before anything is executed. It is an extension of the executor and not of HTTP, so
// that it holds for operations over sockets too.
type limits struct {
	introspection bool
	schema        graphql.ExecutableSchema
	costs         *windows
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*limits)(nil)

// ExtensionName returns the name under which gqlgen lists the extension.
func (*limits) ExtensionName() string { return "Limits" }

// Validate keeps the schema, by whose weights an operation's complexity is counted, and returns nil.
func (l *limits) Validate(schema graphql.ExecutableSchema) error {
	l.schema = schema
	return nil
}

// MutateOperationContext returns an Invalid error that names the limit when the operation exceeds one.
func (l *limits) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	size := (&measure{fragments: map[string]extent{}, vars: op.Variables}).operation(op.Operation)
	for _, limit := range []struct {
		name        string
		asked, most int
	}{
		{"fields", size.fields, maxFields},
		{"depth", size.depth, maxDepth},
		{"aliases", size.aliases, maxAliases},
		{"directives", size.directives, maxDirectives},
	} {
		if limit.asked > limit.most {
			return tooMuch(limit.name, limit.most)
		}
	}
	if size.refused != nil {
		return gqlerror.Wrap(size.refused)
	}
	if err := rootFields(op); err != nil {
		return err
	}
	// Last: it expands fragments, whose number is bounded by now.
	cost := complexity.Calculate(ctx, l.schema, op.Operation, op.Variables)
	if cost > maxComplexity {
		return tooMuch("complexity", maxComplexity)
	}
	if err := allowCost(ctx, l.costs, cost); err != nil {
		return gqlerror.Wrap(err)
	}
	op.DisableIntrospection = !l.introspection
	if !l.introspection {
		return hideSchema(op)
	}
	return nil
}

func tooMuch(what string, most int) *gqlerror.Error {
	return gqlerror.Wrap(&fault.Error{
		Code: fault.Invalid, Message: fmt.Sprintf("the operation asks too much: at most %d %s; split it", most, what),
		Details: map[string]any{"limit": what, "most": most},
	})
}

// rootFields returns an error for too many root fields, and for one mutation asked twice, which is how passwords are tried in bulk.
func rootFields(op *graphql.OperationContext) *gqlerror.Error {
	seen := map[string]int{}
	asked := countRoots(op.Operation.SelectionSet, seen)
	if asked > maxRootFields {
		return tooMuch("root fields", maxRootFields)
	}
	for name, times := range seen {
		if op.Operation.Operation == ast.Mutation && times > 1 && name != "__typename" {
			return tooMuch("call of "+name, 1)
		}
	}
	return nil
}

func countRoots(set ast.SelectionSet, seen map[string]int) (asked int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			seen[s.Name]++
			asked++
		case *ast.InlineFragment:
			asked += countRoots(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			asked += countRoots(s.Definition.SelectionSet, seen)
		}
	}
	return asked
}

// hideSchema refuses questions about the schema. `__type` is null, as for a type that does not exist.
func hideSchema(op *graphql.OperationContext) *gqlerror.Error {
	seen := map[string]int{}
	countRoots(op.Operation.SelectionSet, seen)
	if seen["__schema"] > 0 {
		return gqlerror.Wrap(fault.New(fault.Forbidden, "this server does not tell its schema; it is published with the sources"))
	}
	if seen["__type"] == 0 {
		return nil
	}
	next := op.ResolverMiddleware
	op.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		if field := graphql.GetFieldContext(ctx); field != nil && field.Field.Name == "__type" {
			return nil, nil
		}
		return next(ctx, resolve)
	}
	return nil
}

// argumentFault returns an Invalid error for a page size or an idempotency key that no field takes. A key is looked at here, and not only by
// the use case, because "" reaches that as no key at all: a client that lost its key would be served without protection.
func argumentFault(field *ast.Field, vars map[string]any) error {
	if len(field.Arguments) == 0 {
		return nil
	}
	args := field.ArgumentMap(vars)
	if input, ok := args["input"].(map[string]any); ok {
		if key, ok := input["idempotencyKey"].(string); ok {
			return inbox.CheckKey(key)
		}
	}
	return pageFault(args)
}

// pageFault returns an Invalid error when `first` or `last` is outside 1 to 100, or both are given.
func pageFault(args map[string]any) error {
	given := 0
	for _, name := range []string{"first", "last"} {
		value, ok := args[name]
		if !ok || value == nil {
			continue
		}
		given++
		if n, ok := asInt(value); !ok || n < 1 || n > maxPage {
			return fault.BadField(name, "%s is 1 to %d", name, maxPage)
		}
	}
	if given > 1 {
		return fault.BadField("last", "give first or last, not both")
	}
	return nil
}

func asInt(value any) (int64, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}
