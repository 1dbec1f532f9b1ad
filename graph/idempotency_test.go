package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// TestEveryMutationRefusesAKeyThatIsNone asks every mutation of the schema with keys that are empty or too long. All but those that hand
// out credentials take a key.
func TestEveryMutationRefusesAKeyThatIsNone(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	schema := (&Resolver{}).schema().Schema()
	asked := 0
	for _, mutation := range schema.Mutation.Fields {
		input := schema.Types[mutation.Arguments.ForName("input").Type.Name()]
		if input.Fields.ForName("idempotencyKey") == nil {
			if !slices.Contains([]string{"login", "refresh", "logout"}, mutation.Name) {
				t.Errorf("%s takes no idempotencyKey", mutation.Name)
			}
			continue
		}
		asked++
		for key, refused := range map[string]bool{"": true, strings.Repeat("ä", 256): true, "a\x00b": true, strings.Repeat("ä", 255): false} {
			values := leastInput(schema, input)
			values["idempotencyKey"] = key
			document := fmt.Sprintf("mutation($in: %s!) { a: %s(input: $in) { __typename } }", input.Name, mutation.Name)
			got := post(t, h, document, map[string]any{"in": values})
			if named := got.code() == "INVALID" && got.Errors[0].Extensions["field"] == "idempotencyKey"; named != refused || got.code() == "" {
				t.Errorf("%s with a key of %d bytes: %+v", mutation.Name, len(key), got)
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d mutations were asked", asked)
	}
}

// leastInput returns a value for each field that the input needs.
func leastInput(schema *ast.Schema, input *ast.Definition) map[string]any {
	values := map[string]any{}
	for _, field := range input.Fields {
		kind := schema.Types[field.Type.Name()]
		switch {
		case !field.Type.NonNull:
		case kind.Kind == ast.InputObject:
			values[field.Name] = leastInput(schema, kind)
		case kind.Name == "Time":
			values[field.Name] = "2099-01-01T00:00:00Z"
		default:
			values[field.Name] = "018f0000-0000-7000-8000-000000000001"
		}
	}
	return values
}
