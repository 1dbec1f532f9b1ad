package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// check runs every rule.
func check(sources []source) []finding {
	return slices.Concat(checkImports(sources), checkSizes(sources), checkState(sources), checkNames(sources), checkDocs(sources),
		checkImportsLine(sources))
}

func TestHouse(t *testing.T) {
	t.Parallel()
	sources, err := read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 100 {
		t.Fatalf("read only %d files", len(sources))
	}
	used := map[exception]bool{}
	for _, f := range check(sources) {
		excused := false
		for _, e := range exceptions() {
			if e.rule == f.rule && e.where == f.where {
				used[e], excused = true, true
			}
		}
		if !excused {
			t.Error(f)
		}
	}
	for _, e := range exceptions() {
		if !used[e] || e.why == "" {
			t.Errorf("the exception from %q for %s is not needed or gives no reason", e.rule, e.where)
		}
	}
}

// TestRulesBite breaks each rule once in a house of its own.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	const doc = "// Package x is here.\n//\n// Imports: nothing.\n"
	long := "package inbox\n" + strings.Repeat("\n", maxFile)
	function := "package inbox\nfunc f() {\n" + strings.Repeat("\n", maxFunction) + "}\n"
	for name, broken := range map[string]struct{ rule, file, text string }{
		"domain imports storage":         {"layers", "internal/inbox/a.go", "package inbox\nimport _ \"" + module + "db\"\n"},
		"graph imports db":               {"layers", "graph/a.go", "package graph\nimport _ \"" + module + "db\"\n"},
		"leaf imports domain":            {"layers", "internal/fault/a.go", "package fault\nimport _ \"" + module + "internal/inbox\"\n"},
		"provider imports domain":        {"layers", "internal/channel/ses/a.go", "package ses\nimport _ \"" + module + "internal/inbox\"\n"},
		"package without a place":        {"layers", "internal/novel/a.go", "package novel\n"},
		"domain imports pgx":             {"owners", "internal/inbox/a.go", "package inbox\nimport _ \"github.com/jackc/pgx/v5\"\n"},
		"domain imports gqlgen":          {"owners", "internal/outbound/a.go", "package outbound\nimport _ \"github.com/99designs/gqlgen/graphql\"\n"},
		"domain imports net/http":        {"owners", "internal/inbox/a.go", "package inbox\nimport _ \"net/http\"\n"},
		"asynq outside jobs":             {"owners", "db/a.go", "package db\nimport _ \"github.com/hibiken/asynq\"\n"},
		"generated code of another":      {"owners", "internal/live/a.go", "package live\nimport _ \"" + module + "db/internal/gen\"\n"},
		"panic told with its text":       {"owners", "internal/live/a.go", "package live\nimport _ \"runtime/debug\"\n"},
		"test helper in the product":     {"owners", "internal/live/a.go", "package live\nimport _ \"" + module + "db/dbtest\"\n"},
		"init":                           {"no init", "internal/inbox/a.go", "package inbox\nfunc init() {}\n"},
		"map variable":                   {"no package variable", "internal/inbox/a.go", "package inbox\nvar m = map[string]int{}\n"},
		"variable without value":         {"no package variable", "internal/inbox/a.go", "package inbox\nvar n int\n"},
		"file":                           {"file size", "internal/inbox/a.go", long},
		"function":                       {"function size", "internal/inbox/a.go", function},
		"resolver":                       {"resolver size", "graph/a.resolvers.go", "package graph\nfunc f() {" + strings.Repeat("f();", maxResolver+1) + "}\n"},
		"resolver with a loop":           {"resolver size", "graph/a.resolvers.go", "package graph\nfunc f() { for {" + strings.Repeat("f();", maxResolver) + "} }\n"},
		"utils":                          {"no utils", "internal/channel/utils/a.go", doc + "package utils\n"},
		"no package doc":                 {"package doc", "internal/inbox/a.go", "package inbox\n"},
		"package doc without imports":    {"package doc", "internal/inbox/a.go", "// Package inbox is here.\npackage inbox\n"},
		"import that the doc hides":      {"package doc", "internal/inbox/a.go", doc + "package inbox\nimport _ \"" + module + "internal/fault\"\n"},
		"function without doc":           {"docs", "internal/inbox/a.go", doc + "package inbox\nfunc F() {}\n"},
		"doc that begins otherwise":      {"docs", "internal/inbox/a.go", doc + "package inbox\n// Does things.\nfunc F() {}\n"},
		"type without doc":               {"docs", "internal/inbox/a.go", doc + "package inbox\ntype T int\n"},
		"constant without doc":           {"docs", "internal/inbox/a.go", doc + "package inbox\nconst C = 1\n"},
		"method of exported without doc": {"docs", "internal/inbox/a.go", doc + "package inbox\n// T is.\ntype T int\nfunc (*T) M() {}\n"},
	} {
		sources, err := read(fstest.MapFS{broken.file: {Data: []byte(broken.text)}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.ContainsFunc(check(sources), func(f finding) bool { return f.rule == broken.rule }) {
			t.Errorf("%s: the rule %q does not see it; found %v", name, broken.rule, check(sources))
		}
	}
}

// TestRulesAllow holds what the rules must not refuse.
func TestRulesAllow(t *testing.T) {
	t.Parallel()
	good := `// Package inbox is here.
//
// Imports: fault.
package inbox

import (
	"embed"
	"errors"
	"regexp"

	"` + module + `internal/fault"
)

// ErrGone is returned when it is gone.
var ErrGone = errors.New("gone")

var pattern = regexp.MustCompile("a")

//go:embed a.go
var files embed.FS

var _ error = (*fault.Error)(nil)

// The limits.
const (
	Low  = 1
	High = 2
)

// T is a type.
type T struct{}

// M returns nothing.
func (T) M() {}

func (t hidden) Exported() {}

type hidden struct{}
`
	sources, err := read(fstest.MapFS{"internal/inbox/a.go": {Data: []byte(good)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range check(sources) {
		t.Error(f)
	}
}
