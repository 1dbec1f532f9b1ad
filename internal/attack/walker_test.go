package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// readSchema returns the API's schema.
func readSchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../graph/schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema", err)
	}
	var sources []*ast.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: file, Input: string(text)})
	}
	return gqlparser.MustLoadSchema(sources...)
}

// operation is one root field with everything that can be selected under it.
type operation struct {
	root      ast.Operation
	field     *ast.FieldDefinition
	selection string // what is selected of the field's type
	document  string
	arguments []argument
}

// argument is a leaf of an operation's input: `input.conversationId`, `filter.teamId`, `after`.
type argument struct {
	path []string
	kind *ast.Type
}

func (a argument) name() string { return strings.Join(a.path, ".") }

// operations returns every root field of the schema as a document, and which fields the documents select together.
func operations(t *testing.T, schema *ast.Schema) (all []operation, selected map[string]bool) {
	t.Helper()
	selected = map[string]bool{}
	for _, root := range []struct {
		kind ast.Operation
		of   *ast.Definition
	}{{ast.Query, schema.Query}, {ast.Mutation, schema.Mutation}, {ast.Subscription, schema.Subscription}} {
		for _, field := range root.of.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			op := operation{root: root.kind, field: field}
			var declared, passed []string
			for _, arg := range field.Arguments {
				declared = append(declared, "$"+arg.Name+": "+arg.Type.String())
				passed = append(passed, arg.Name+": $"+arg.Name)
				op.arguments = append(op.arguments, leaves(schema, []string{arg.Name}, arg.Type)...)
			}
			head, call := "", ""
			if len(declared) > 0 {
				head, call = "("+strings.Join(declared, ", ")+")", "("+strings.Join(passed, ", ")+")"
			}
			op.selection = selection(schema, field.Type, nil, selected)
			op.document = fmt.Sprintf("%s%s { %s%s%s }", root.kind, head, field.Name, call, op.selection)
			all = append(all, op)
		}
	}
	return all, selected
}

// leaves returns the scalars and enums of an input.
func leaves(schema *ast.Schema, path []string, kind *ast.Type) (found []argument) {
	definition := schema.Types[kind.Name()]
	if definition.Kind != ast.InputObject {
		return []argument{{path: path, kind: kind}}
	}
	for _, field := range definition.Fields {
		found = append(found, leaves(schema, append(slices.Clone(path), field.Name), field.Type)...)
	}
	return found
}

// selection returns the widest selection of a type that enters no type twice on one path.
func selection(schema *ast.Schema, kind *ast.Type, path []string, selected map[string]bool) string {
	definition := schema.Types[kind.Name()]
	if definition.Kind == ast.Union {
		text := " { __typename"
		for i, member := range definition.Types {
			// Items of a union share names of fields with different types only by mistake; aliases would hide that.
			text += fmt.Sprintf(" ... on %s%s", member, selection(schema, &ast.Type{NamedType: definition.Types[i]}, path, selected))
		}
		return text + " }"
	}
	if definition.Kind != ast.Object {
		return ""
	}
	path = append(slices.Clone(path), definition.Name)
	text := " { __typename"
	for _, field := range definition.Fields {
		inner := schema.Types[field.Type.Name()]
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		if slices.Contains(path, inner.Name) { // a quoted message in a message: what it says, and no further
			selected[definition.Name+"."+field.Name] = true
			text += " " + field.Name + scalars(schema, inner)
			continue
		}
		arguments := ""
		for _, arg := range field.Arguments {
			if arg.Name == "last" {
				arguments = "(last: 3)"
			} else if arg.Type.NonNull && arg.DefaultValue == nil {
				return " { the argument " + field.Name + "." + arg.Name + " has no case }"
			}
		}
		selected[definition.Name+"."+field.Name] = true
		text += " " + field.Name + arguments + selection(schema, field.Type, path, selected)
	}
	return text + " }"
}

// scalars selects the fields of a type that have no fields of their own.
func scalars(schema *ast.Schema, definition *ast.Definition) string {
	text := " { __typename"
	for _, field := range definition.Fields {
		if kind := schema.Types[field.Type.Name()].Kind; len(field.Arguments) == 0 && (kind == ast.Scalar || kind == ast.Enum) {
			text += " " + field.Name
		}
	}
	return text + " }"
}

// place sets a leaf of nested variables.
func place(variables map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		next, ok := variables[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			variables[name] = next
		}
		variables = next
	}
	variables[path[len(path)-1]] = value
}
