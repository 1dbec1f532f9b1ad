package graph

import (
	"encoding/json"
	"testing"
	"testing/fstest"
)

// FuzzAllowedDocuments looks for a list of documents that panics, that says yes to something it does not hold, or whose documents are not known
// once they are laid out.
func FuzzAllowedDocuments(f *testing.F) {
	f.Add("query A { viewer { ...F } }", "fragment F on Viewer { __typename }")
	f.Add("{ a }", "")
	f.Add("query A { ...F } fragment F on T { ...F }", "")
	f.Add(`mutation($s: String = """x""") { a(s: $s, b: "\\ud800") @skip(if: true) }`, "query B { b }")
	f.Fuzz(func(t *testing.T, source, other string) {
		list, err := ReadAllowedDocuments(fstest.MapFS{"a.graphql": {Data: []byte(source)}, "b.graphql": {Data: []byte(other)}, "c.txt": {Data: []byte("x")}})
		if err != nil {
			return
		}
		if len(list.texts) == 0 {
			t.Fatalf("%q and %q make an empty list", source, other)
		}
		manifest, err := json.Marshal(list.texts)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadAllowedDocuments(fstest.MapFS{"m.json": {Data: manifest}})
		if err != nil {
			t.Fatalf("what was read from %q and %q is refused as a manifest: %v", source, other, err)
		}
		for known := range list.known {
			if !again.known[known] {
				t.Fatalf("a document of %q and %q is another one once laid out", source, other)
			}
		}
	})
}
