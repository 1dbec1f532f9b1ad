package attack

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryLineIsAttacked fails for what the list and the tests of the repository do not agree about.
func TestEveryLineIsAttacked(t *testing.T) {
	t.Parallel()
	written := writtenTests(t)
	if len(written) < 300 {
		t.Errorf("only %d tests were found", len(written))
	}
	for _, text := range disagreements(lines(), written) {
		t.Error(text)
	}
	for _, id := range threats() {
		if !slices.ContainsFunc(lines(), func(l line) bool { return l.id == id }) {
			t.Errorf("%s is not on the list", id)
		}
	}
}

// threats are the numbers of the hardening list, which has gaps.
func threats() (ids []string) {
	for _, stretch := range [][2]int{{1, 15}, {20, 27}, {30, 32}, {40, 49}} {
		for i := stretch[0]; i <= stretch[1]; i++ {
			ids = append(ids, fmt.Sprint("H", i))
		}
	}
	return ids
}

// disagreements compares the list with the tests that are written and the lines that each of them names. Both ways: what stands on the list is there and
// says so itself, and what says that it performs a line stands there. The tests of this folder name no line that is not on the list; elsewhere a test may
// name promises that are kept and not attacked.
func disagreements(list []line, written map[string][]string) (found []string) {
	attacked := map[string][]string{}
	for _, l := range list {
		tests := strings.Fields(l.tests)
		if _, twice := attacked[l.id]; twice {
			found = append(found, l.id+" is on the list twice")
		}
		attacked[l.id] = tests
		if (len(tests) == 0) == (l.nothing == "") || l.threat == "" {
			found = append(found, l.id+" needs a threat and tests, or a reason why there is nothing to attack")
		}
		for i, name := range tests {
			claims, there := written[name]
			switch {
			case !there:
				found = append(found, fmt.Sprintf("%s: there is no test %s", l.id, name))
			case !slices.Contains(claims, l.id):
				found = append(found, fmt.Sprintf("%s: %s stands there and does not say that it performs it", l.id, name))
			case slices.Contains(tests[:i], name):
				found = append(found, fmt.Sprintf("%s: %s stands there twice", l.id, name))
			}
		}
	}
	for name, claims := range written {
		for _, id := range claims {
			tests, listed := attacked[id]
			must := listed || id[0] == 'H' || strings.HasPrefix(name, "internal/attack.")
			if must && !slices.Contains(tests, name) {
				found = append(found, fmt.Sprintf("%s says that it performs %s, and does not stand there", name, id))
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestTheListIsComparedBothWays changes a list and tests that agree, one thing at a time, and expects that one disagreement.
func TestTheListIsComparedBothWays(t *testing.T) {
	t.Parallel()
	list := func(change func(l []line)) []line {
		l := []line{{id: "H1", threat: "much", tests: "graph.TestMuch internal/attack.TestMore"}, {id: "H2", threat: "mails", nothing: "there are none"},
			{id: "R44", threat: "slow", tests: "internal/attack.TestMore"}}
		change(l)
		return l
	}
	also := func(name, claims string) map[string][]string {
		return map[string][]string{"graph.TestMuch": {"H1"}, "internal/attack.TestMore": {"H1", "R44"}, "db.TestKept": {"R2"}, name: strings.Fields(claims)}
	}
	same, silent := list(func([]line) {}), also("db.TestOther", "")
	const unsaid, unlisted = " stands there and does not say that it performs it", ", and does not stand there"
	const bare = " needs a threat and tests, or a reason why there is nothing to attack"
	for name, c := range map[string]struct {
		list    []line
		written map[string][]string
		want    string
	}{
		"they agree":                       {same, silent, ""},
		"a test that is gone":              {list(func(l []line) { l[0].tests += " db.TestGone" }), silent, "H1: there is no test db.TestGone"},
		"a test that does not say so":      {list(func(l []line) { l[0].tests += " db.TestOther" }), silent, "H1: db.TestOther" + unsaid},
		"a test that says another line":    {list(func(l []line) { l[2].tests += " graph.TestMuch" }), silent, "R44: graph.TestMuch" + unsaid},
		"a test that stands nowhere":       {same, also("db.TestNew", "H1"), "db.TestNew says that it performs H1" + unlisted},
		"one of a promise":                 {same, also("db.TestNew", "R44 R2"), "db.TestNew says that it performs R44" + unlisted},
		"one of a threat that is not here": {same, also("db.TestNew", "H9"), "db.TestNew says that it performs H9" + unlisted},
		"an attack on a promise":           {same, also("internal/attack.TestNew", "R51"), "internal/attack.TestNew says that it performs R51" + unlisted},
		"a line without tests":             {list(func(l []line) { l[1].nothing = "" }), silent, "H2" + bare},
		"tests where there is nothing":     {list(func(l []line) { l[2].nothing = "nothing" }), silent, "R44" + bare},
		"a line without a threat":          {list(func(l []line) { l[0].threat = "" }), silent, "H1" + bare},
		"a line that is there twice":       {append(list(func([]line) {}), same[1]), silent, "H2 is on the list twice"},
		"a test that stands there twice":   {list(func(l []line) { l[0].tests += " graph.TestMuch" }), silent, "H1: graph.TestMuch stands there twice"},
	} {
		if got := strings.Join(disagreements(c.list, c.written), "; "); got != c.want {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}

// writtenTests returns every test and fuzz target of the repository as folder.Test, with the lines that it names.
func writtenTests(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "node_modules" || name != "." && strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") || name == "internal/attack/lines_test.go" || name == "internal/attack/listed_test.go" {
			return nil
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		tests, err := named(name, content)
		for test, ids := range tests {
			found[path.Dir(name)+"."+test] = ids
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// named returns the tests and fuzz targets of a file, each with the lines that its name, its comments and its text name.
func named(name string, content []byte) (map[string][]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") || f.Name.Name == "TestMain" {
			continue
		}
		from := f.Pos()
		if f.Doc != nil {
			from = f.Doc.Pos()
		}
		ids := regexp.MustCompile(`\b[HR]\d+\b`).FindAllString(string(content[from-file.FileStart:f.End()-file.FileStart]), -1)
		if in := regexp.MustCompile(`^(?:Test|Fuzz)([HR]\d+)`).FindStringSubmatch(f.Name.Name); in != nil {
			ids = append(ids, in[1])
		}
		slices.Sort(ids)
		found[f.Name.Name] = slices.Compact(ids)
	}
	return found, nil
}

// TestLinesAreFoundWhereverTheyAreNamed reads a file with a line in a comment before, in one inside, in a name, and in none of these.
func TestLinesAreFoundWhereverTheyAreNamed(t *testing.T) {
	t.Parallel()
	got, err := named("x_test.go", []byte(`package x

// H1: it is refused. (R44)
func TestBefore(t *testing.T) {}

func TestInside(t *testing.T) {
	// and so H22 fails
}

func TestH3Named(t *testing.T) {}

// TestH4 of a method is none. (H5)
func (x) TestMethod() {}

`+"func FuzzNone(f *testing.F) { _ = `CH5x H` }\n")) // no line begins with it, since tools/fuzz.sh finds targets by their lines
	if err != nil {
		t.Fatal(err)
	}
	if text, want := fmt.Sprint(got), "map[FuzzNone:[] TestBefore:[H1 R44] TestH3Named:[H3] TestInside:[H22]]"; text != want {
		t.Errorf("found %s, want %s", text, want)
	}
}
