package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// source is one Go file of the module.
type source struct {
	path      string // from the module's root, with slashes
	pkg       string // its directory; "." for the root
	test      bool
	generated bool
	lines     int
	text      []byte
	fset      *token.FileSet
	file      *ast.File
}

// finding is a broken rule.
type finding struct {
	rule  string
	where string // file, or file:name
	what  string
}

// String returns the finding as one line.
func (f finding) String() string { return f.rule + ": " + f.where + ": " + f.what }

// read parses every Go file of the tree, except those in directories that hold none of ours.
func read(tree fs.FS) ([]source, error) {
	var sources []source
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && skipped(name) {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		s, err := parse(tree, name)
		sources = append(sources, s)
		return err
	})
	return sources, err
}

func skipped(dir string) bool {
	base := path.Base(dir)
	return strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || base == "tools"
}

func parse(tree fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return source{}, err
	}
	s := source{
		path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, fset: token.NewFileSet(),
		lines: bytes.Count(text, []byte("\n")),
	}
	s.file, err = parser.ParseFile(s.fset, name, text, parser.ParseComments)
	if err != nil {
		return source{}, fmt.Errorf("%s: %w", name, err)
	}
	s.generated = ast.IsGenerated(s.file) && !strings.HasSuffix(name, ".resolvers.go")
	return s, nil
}

// length returns how many lines a node takes.
func (s source) length(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// functions calls visit for each function and method of the file.
func (s source) functions(visit func(*ast.FuncDecl)) {
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			visit(f)
		}
	}
}
