package arch

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
)

// checkDocs wants a sentence that begins with its name on every exported name, and a package comment that ends with what the package
// imports.
func checkDocs(sources []source) []finding {
	var found []finding
	documented := map[string]bool{}
	for _, s := range sources {
		if !s.test && !s.generated && s.file.Doc != nil {
			documented[s.pkg] = documented[s.pkg] || s.file.Name.Name == "main" || strings.Contains(s.file.Doc.Text(), "\nImports: ")
		}
	}
	for _, s := range sources {
		if s.test || s.generated || strings.HasSuffix(s.path, ".resolvers.go") {
			continue
		}
		if !documented[s.pkg] {
			found = append(found, finding{"package doc", s.pkg, "the package comment is missing or does not end with an Imports: line"})
			documented[s.pkg] = true // once is enough
		}
		for _, d := range s.file.Decls {
			for name, doc := range exported(d) {
				if !strings.HasPrefix(doc, name+" ") && !strings.HasPrefix(doc, name+"(") {
					found = append(found, finding{"docs", s.path + ":" + name, "the doc sentence is missing or does not begin with the name"})
				}
			}
		}
	}
	return found
}

// checkImportsLine wants every package of ours that a package imports named in the last line of its comment.
func checkImportsLine(sources []source) []finding {
	lines, missing := map[string]string{}, map[string]map[string]bool{}
	for _, s := range sources {
		if s.test || s.generated || s.file.Name.Name == "main" {
			continue
		}
		if s.file.Doc != nil {
			if _, line, ok := strings.Cut(s.file.Doc.Text(), "\nImports: "); ok {
				lines[s.pkg] = line
			}
		}
		for _, spec := range s.file.Imports {
			ours, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if ok && !strings.HasPrefix(ours, s.pkg+"/") {
				if missing[s.pkg] == nil {
					missing[s.pkg] = map[string]bool{}
				}
				missing[s.pkg][path.Base(ours)] = true
			}
		}
	}
	var found []finding
	for pkg, line := range lines {
		for name := range missing[pkg] {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(line) {
				found = append(found, finding{"package doc", pkg, "the Imports: line does not name " + name})
			}
		}
	}
	return found
}

// exported returns the exported names that a declaration makes, with their docs. Constants and variables of a group are documented by
// their own comment or by the group's; that one may begin as it likes.
func exported(decl ast.Decl) map[string]string {
	names := map[string]string{}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && onExported(d) {
			names[d.Name.Name] = d.Doc.Text()
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch v := spec.(type) {
			case *ast.TypeSpec:
				doc := v.Doc
				if doc == nil {
					doc = d.Doc
				}
				if v.Name.IsExported() {
					names[v.Name.Name] = doc.Text()
				}
			case *ast.ValueSpec:
				grouped := d.Lparen != token.NoPos && d.Doc.Text()+v.Doc.Text() != ""
				for _, n := range v.Names {
					if n.IsExported() && !grouped {
						names[n.Name] = d.Doc.Text()
					}
				}
			}
		}
	}
	return names
}

// onExported reports whether a function is no method, or one of an exported type.
func onExported(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}
