package graph

import "github.com/vektah/gqlparser/v2/ast"

// extent is the size of a selection with its fragments expanded.
type extent struct {
	fields, depth, aliases, directives int
	refused                            error // the first argument that no operation may carry
}

// measure finds the extent of an operation. Each fragment is measured once, however often it is spread: expanding them would take
// exponential time, which is the attack.
type measure struct {
	fragments map[string]extent
	vars      map[string]any
}

// enough is where counting stops: beyond every limit, far from overflow.
const enough = 1 << 20

func (m *measure) operation(op *ast.OperationDefinition) extent {
	size := m.set(op.SelectionSet)
	size.directives += len(op.Directives)
	return size
}

func (m *measure) set(set ast.SelectionSet) (sum extent) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			sum.add(m.field(s))
		case *ast.InlineFragment:
			inner := m.set(s.SelectionSet)
			inner.directives += len(s.Directives)
			sum.add(inner)
		case *ast.FragmentSpread:
			inner := m.fragment(s.Definition)
			inner.directives += len(s.Directives)
			sum.add(inner)
		}
	}
	return sum
}

func (m *measure) field(f *ast.Field) extent {
	size := m.set(f.SelectionSet)
	size.fields++
	size.depth++
	size.directives += len(f.Directives)
	if f.Alias != f.Name {
		size.aliases++
	}
	if size.refused == nil {
		size.refused = argumentFault(f, m.vars)
	}
	return size
}

func (m *measure) fragment(definition *ast.FragmentDefinition) extent {
	if known, ok := m.fragments[definition.Name]; ok {
		return known
	}
	size := m.set(definition.SelectionSet)
	size.directives += len(definition.Directives)
	m.fragments[definition.Name] = size
	return size
}

func (s *extent) add(other extent) {
	s.fields = min(s.fields+other.fields, enough)
	s.aliases = min(s.aliases+other.aliases, enough)
	s.directives = min(s.directives+other.directives, enough)
	s.depth = max(s.depth, other.depth)
	if s.refused == nil {
		s.refused = other.refused
	}
}
