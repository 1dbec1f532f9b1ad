package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// checkSizes enforces the lengths of files and functions, and the statements of resolvers.
func checkSizes(sources []source) []finding {
	var found []finding
	for _, s := range sources {
		if s.generated {
			continue
		}
		if s.lines > maxFile {
			found = append(found, finding{"file size", s.path, fmt.Sprintf("%d lines, at most %d", s.lines, maxFile)})
		}
		resolvers := strings.HasSuffix(s.path, ".resolvers.go")
		s.functions(func(f *ast.FuncDecl) {
			most := maxFunction
			if s.test {
				most = maxTest
			}
			if n := s.length(f); n > most {
				found = append(found, finding{"function size", s.path + ":" + f.Name.Name, fmt.Sprintf("%d lines, at most %d", n, most)})
			}
			if n := statements(f.Body); resolvers && n > maxResolver {
				found = append(found, finding{"resolver size", s.path + ":" + f.Name.Name, fmt.Sprintf("%d statements, at most %d", n, maxResolver)})
			}
		})
	}
	return found
}

// statements counts the statements of a body at every depth; a block is none of its own.
func statements(body *ast.BlockStmt) int {
	n := 0
	ast.Inspect(body, func(node ast.Node) bool {
		if s, ok := node.(ast.Stmt); ok {
			if _, block := s.(*ast.BlockStmt); !block {
				n++
			}
		}
		return true
	})
	return n
}

// checkState forbids init() and mutable package variables: state that nobody hands over.
func checkState(sources []source) []finding {
	var found []finding
	for _, s := range sources {
		if s.generated {
			continue
		}
		s.functions(func(f *ast.FuncDecl) {
			if f.Name.Name == "init" && f.Recv == nil {
				found = append(found, finding{"no init", s.path, "init() runs behind everybody's back; call a function"})
			}
		})
		for _, d := range s.file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				found = append(found, checkVars(s, g)...)
			}
		}
	}
	return found
}

func checkVars(s source, decl *ast.GenDecl) []finding {
	var found []finding
	for _, spec := range decl.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			if name.Name == "_" || embedded(decl, v) || i < len(v.Values) && constant(v.Values[i]) {
				continue
			}
			found = append(found, finding{"no package variable", s.path + ":" + name.Name,
				"a package variable can be changed from anywhere; make it a constant, a function or a field"})
		}
	}
	return found
}

// constant reports whether a value is one of those that Go cannot write as a constant and nobody changes: an error or a regular expression.
func constant(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, of.Name+"."+selector.Sel.Name)
}

// embedded reports whether a variable is filled by go:embed.
func embedded(decl *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{decl.Doc, v.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// checkNames forbids packages that are named after nothing.
func checkNames(sources []source) []finding {
	var found []finding
	for _, s := range sources {
		if slices.Contains([]string{"utils", "util", "common", "helpers", "misc", "base"}, path.Base(s.pkg)) {
			found = append(found, finding{"no utils", s.path, "name the package after what it is about"})
		}
	}
	return found
}
