package render

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/graph/internal/scalar"
)

// plan returns how to write values of the Go type as the GraphQL type with the selection, or nil when that is for the executor.
func (r *Renderer) plan(op *graphql.OperationContext, kind reflect.Type, as *ast.Type, selection ast.SelectionSet) part {
	var made part
	switch {
	case kind.Kind() == reflect.Pointer:
		inner := *as
		inner.NonNull = true
		if made = r.plan(op, kind.Elem(), &inner, selection); made != nil {
			made = pointed{made}
		}
	case as.Elem != nil && kind.Kind() == reflect.Slice:
		if made = r.plan(op, kind.Elem(), as.Elem, selection); made != nil {
			made = list{made}
		}
	case as.Elem == nil && r.schema.Types[as.NamedType].Kind == ast.Object:
		made = r.object(op, kind, r.schema.Types[as.NamedType], selection)
	case as.Elem == nil:
		made = leafOf(kind, r.schema.Types[as.NamedType])
	}
	if made == nil || as.NonNull {
		return made
	}
	return optional{made}
}

// object returns how to write the fields that are asked of an object, or nil when one of them has arguments, is deferred, or is neither a
// link nor a field of the struct.
func (r *Renderer) object(op *graphql.OperationContext, kind reflect.Type, as *ast.Definition, selection ast.SelectionSet) part {
	if kind.Kind() != reflect.Struct {
		return nil
	}
	names := []string{as.Name}
	for _, abstract := range r.schema.GetImplements(as) {
		names = append(names, abstract.Name)
	}
	var fields object
	seen := map[string]bool{}
	for _, asked := range graphql.CollectFields(op, selection, names) {
		if seen[asked.Alias] {
			continue
		}
		seen[asked.Alias] = true
		f := field{object: as.Name, asked: asked, key: `"` + asked.Alias + `":`, null: !asked.Definition.Type.NonNull}
		if len(asked.Definition.Arguments) > 0 || len(asked.Deferrables) > 0 || !r.bind(op, &f, kind) {
			return nil
		}
		fields = append(fields, f)
	}
	return fields
}

// bind finds where the field's value comes from and how it is written.
func (r *Renderer) bind(op *graphql.OperationContext, f *field, kind reflect.Type) bool {
	var from reflect.Type
	if f.asked.Name == "__typename" {
		name := strconv.Quote(f.object)
		f.part = leaf(func(text []byte, _ reflect.Value) []byte { return append(text, name...) })
		return true
	}
	if link, ok := r.links[f.object+"."+f.asked.Name]; ok {
		f.link, from = &link, link.result
	} else {
		named := func(name string) bool { return strings.EqualFold(name, f.asked.Name) }
		held, ok := kind.FieldByNameFunc(named)
		if !ok || !held.IsExported() || r.resolved[strings.ToLower(f.object+"."+f.asked.Name)] || hasMethod(kind, named) {
			return false
		}
		f.index, from = held.Index, held.Type
	}
	f.part = r.plan(op, from, f.asked.Definition.Type, f.asked.Selections)
	return f.part != nil
}

// hasMethod reports whether the executor may take the value from a method.
func hasMethod(kind reflect.Type, named func(string) bool) bool {
	for method := range reflect.PointerTo(kind).Methods() {
		if named(method.Name) {
			return true
		}
	}
	return false
}

// leafOf returns how to write a scalar or an enum value, or nil for a pair of types that nobody has thought of.
func leafOf(kind reflect.Type, as *ast.Definition) part {
	switch {
	case as.Name == "ID" && kind == reflect.TypeFor[uuid.UUID]():
		return leaf(func(text []byte, v reflect.Value) []byte {
			return scalar.AppendID(text, *v.Addr().Interface().(*uuid.UUID))
		})
	case as.Name == "Time" && kind == reflect.TypeFor[time.Time]():
		return leaf(func(text []byte, v reflect.Value) []byte {
			return scalar.AppendTime(text, *v.Addr().Interface().(*time.Time))
		})
	case as.Name == "Int" && kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Int64:
		return leaf(func(text []byte, v reflect.Value) []byte { return strconv.AppendInt(text, v.Int(), 10) })
	case as.Name == "Boolean" && kind.Kind() == reflect.Bool:
		return leaf(func(text []byte, v reflect.Value) []byte { return strconv.AppendBool(text, v.Bool()) })
	case kind.Kind() == reflect.String && (as.Kind == ast.Enum || as.Name == "String" || as.Name == "Cursor"):
		return leaf(func(text []byte, v reflect.Value) []byte { return scalar.AppendString(text, v.String()) })
	}
	return nil
}
