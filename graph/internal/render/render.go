// Package render writes parts of responses that are in memory already, without a goroutine, a context and a dozen small things for each of their
// fields, which is what the generated executor makes. A selection that asks for anything else is left to that executor. What is written, nulls and
// errors included, is the same.
//
// Imports: scalar, gqlgen.
package render

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Renderer writes values of Go types that a schema's object types are bound to by the names of their fields.
type Renderer struct {
	schema   *ast.Schema
	links    map[string]Link
	resolved map[string]bool // the fields with a resolver, in lower case
}

// New returns a Renderer of the schema whose resolvers are those of the interface root. The links are the fields, as "Type.field", that have a
// resolver and are in memory all the same; every other field that is no field of its Go type is left to the executor.
func New(schema *ast.Schema, root reflect.Type, links map[string]Link) *Renderer {
	r := &Renderer{schema: schema, links: links, resolved: map[string]bool{}}
	for object := range root.Methods() {
		for field := range object.Type.Out(0).Methods() {
			r.resolved[strings.ToLower(object.Name+"."+field.Name)] = true
		}
	}
	return r
}

// Link is a field with a resolver.
type Link struct {
	result reflect.Type
	get    func(ctx context.Context, obj reflect.Value) (reflect.Value, error)
}

// LinkTo returns the Link of a resolver.
func LinkTo[O, V any](resolve func(context.Context, *O) (*V, error)) Link {
	return Link{result: reflect.TypeFor[*V](), get: func(ctx context.Context, obj reflect.Value) (reflect.Value, error) {
		v, err := resolve(ctx, obj.Addr().Interface().(*O))
		return reflect.ValueOf(v), err
	}}
}

// Render returns the text of the value of the field that is being resolved, or graphql.Null when a null in it has gone up to the field; the errors
// are with the operation. It returns nil when the selection is to be left to the executor.
func (r *Renderer) Render(ctx context.Context, value any) graphql.Marshaler {
	op, at := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	part := r.plan(op, reflect.TypeOf(value), at.Field.Definition.Type, at.Field.Selections)
	if part == nil {
		return nil
	}
	w := &writer{ctx: ctx, op: op, text: make([]byte, 0, 16<<10)}
	if !part.write(w, reflect.ValueOf(value)) {
		return graphql.Null
	}
	return text(w.text)
}

// Plan is how the values of one Go type are written for one selection. It is safe for concurrent use.
type Plan struct {
	op   *graphql.OperationContext
	kind reflect.Type
	part part
}

// Plan returns how to write values of the Go type, which has the name of an object type, where the operation asks for the field. It returns nil
// when the selection is to be left to the executor.
func (r *Renderer) Plan(op *graphql.OperationContext, field graphql.CollectedField, kind reflect.Type) *Plan {
	as, abstract := r.schema.Types[kind.Name()], r.schema.Types[field.Definition.Type.Name()]
	if !slices.Contains(r.schema.GetPossibleTypes(abstract), as) {
		return nil
	}
	part := r.object(op, kind, as, field.Selections)
	if part == nil {
		return nil
	}
	return &Plan{op: op, kind: kind, part: part}
}

// Append appends the text of a value of the plan's type. It returns false when there is an error in it, which the executor is to find again and tell.
func (p *Plan) Append(ctx context.Context, text []byte, value any) ([]byte, bool) {
	held := reflect.New(p.kind).Elem() // what is written must have an address
	held.Set(reflect.ValueOf(value))
	w := &writer{ctx: ctx, op: p.op, text: text, silent: true}
	whole := p.part.write(w, held)
	return w.text, whole && !w.failed
}

type text []byte

// MarshalGQL implements graphql.Marshaler.
func (t text) MarshalGQL(w io.Writer) { _, _ = w.Write(t) }

// writer is the response so far, and the place in it.
type writer struct {
	ctx  context.Context
	op   *graphql.OperationContext
	text []byte
	path []step

	silent bool // errors are not told
	failed bool // there was one
}

// step is a field, or with no field an index of a list.
type step struct {
	field *field
	index int
}

var errNull = errors.New("the requested element is null which the schema does not allow")

// fail adds an error at the place of the writer.
func (w *writer) fail(err error) {
	if w.failed = true; w.silent {
		return
	}
	ctx := w.ctx
	for i := range w.path {
		at := w.path[i] // a copy: the path goes on
		if at.field != nil {
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: at.field.object, Field: at.field.asked})
		} else {
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &at.index})
		}
	}
	w.op.Error(ctx, graphql.AddFieldLocationToError(ctx, err))
}

// part is the plan of one value of a response.
type part interface {
	// write appends the value and returns false when it is null where the schema allows none; what it has appended by then is to be cut off.
	write(w *writer, v reflect.Value) bool
}

// optional is a value that may be null: by a nil pointer or list, or because of what is below it.
type optional struct{ part }

func (p optional) write(w *writer, v reflect.Value) bool {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice {
		if v.IsNil() {
			w.text = append(w.text, "null"...)
			return true
		}
	}
	start := len(w.text)
	if !p.part.write(w, v) {
		w.text = append(w.text[:start], "null"...)
	}
	return true
}

// pointed is a value behind a pointer.
type pointed struct{ part }

func (p pointed) write(w *writer, v reflect.Value) bool {
	if v.IsNil() {
		w.fail(errNull)
		return false
	}
	return p.part.write(w, v.Elem())
}

type list struct{ part }

func (p list) write(w *writer, v reflect.Value) bool {
	w.text = append(w.text, '[')
	whole := true
	for i := range v.Len() {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		w.path = append(w.path, step{index: i})
		whole = p.part.write(w, v.Index(i)) && whole // the others have their errors too
		w.path = w.path[:len(w.path)-1]
	}
	w.text = append(w.text, ']')
	return whole
}

type leaf func(text []byte, v reflect.Value) []byte

func (p leaf) write(w *writer, v reflect.Value) bool {
	w.text = p(w.text, v)
	return true
}

type object []field

// field is one field of an object as it was asked.
type field struct {
	object string
	asked  graphql.CollectedField
	key    string // its name in the response, quoted, and the colon after it
	index  []int
	link   *Link
	part   part
	null   bool // it may be null
}

func (p object) write(w *writer, v reflect.Value) bool {
	w.text = append(w.text, '{')
	whole := true
	for i := range p {
		f := &p[i]
		if i > 0 {
			w.text = append(w.text, ',')
		}
		w.text = append(w.text, f.key...)
		w.path = append(w.path, step{field: f})
		whole = f.write(w, v) && whole
		w.path = w.path[:len(w.path)-1]
	}
	w.text = append(w.text, '}')
	return whole
}

func (f *field) write(w *writer, v reflect.Value) bool {
	if f.link == nil {
		return f.part.write(w, v.FieldByIndex(f.index))
	}
	linked, err := f.follow(w, v)
	if err != nil {
		w.fail(err)
		if f.null {
			w.text = append(w.text, "null"...)
		}
		return f.null
	}
	return f.part.write(w, linked)
}

// follow calls the resolver; its panic is an error, as in the executor.
func (f *field) follow(w *writer, v reflect.Value) (linked reflect.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = w.op.Recover(w.ctx, p)
		}
	}()
	return f.link.get(w.ctx, v)
}
