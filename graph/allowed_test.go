package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	listedTeams = "query Teams { teams { ...T } } fragment T on Team { id }"
	listedOther = "subscription Count { unreadCountEvents { __typename } }"
)

func listOf(t *testing.T) *AllowedDocuments {
	t.Helper()
	a, err := ReadAllowedDocuments(fstest.MapFS{
		"crm.json":  {Data: fmt.Appendf(nil, `{%q: %q}`, hashOf(listedOther), listedOther)},
		"a.graphql": {Data: []byte("query Teams { teams { ...T } } query Agents { agents { id } }")},
		"b.graphql": {Data: []byte("# shared\nfragment T on Team { id }")},
		"README.md": {Data: []byte("of no concern")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// outcome is what an operation of this edge comes to, whose resolvers know no caller: passed on to them, or the code with its reason.
func outcome(got answer) string {
	switch reason := got.Errors[0].Extensions["reason"]; {
	case got.code() == "UNAUTHENTICATED":
		return "passed"
	case reason != nil:
		return got.code() + " " + fmt.Sprint(reason)
	}
	return got.code() + " " + fmt.Sprint(got.Errors[0].Extensions["field"])
}

// firstOf reads an answer, or the first item of an event stream.
func firstOf(t *testing.T, w *httptest.ResponseRecorder) (got answer) {
	t.Helper()
	_, text, streamed := strings.Cut(w.Body.String(), "data: ")
	if !streamed {
		text = w.Body.String()
	}
	text, _, _ = strings.Cut(text, "\n")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Errors) == 0 {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return got
}

// TestOnlyListedDocuments sends documents and hashes to a server with a list, as a request and as an event stream. (H1)
func TestOnlyListedDocuments(t *testing.T) {
	t.Parallel()
	h, _ := edge(t, func(c *Config) { c.Allowed = listOf(t) })
	const refused = "FORBIDDEN DOCUMENT_NOT_LISTED"
	hash := func(hash string) string {
		return fmt.Sprintf(`"extensions":{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hash)
	}
	text := func(text string) string { return fmt.Sprintf(`"query":%q`, text) }
	for name, c := range map[string]struct{ body, want string }{
		"a text":                  {text(listedTeams), "passed"},
		"its definitions swapped": {text("fragment T on Team { id } query Teams { teams { ...T } }"), "passed"},
		"another layout":          {text("query Teams{ teams {\n...T} # of all\n} fragment T on Team {id,}"), "passed"},
		"a text with its hash":    {text(listedOther) + "," + hash(strings.ToUpper(hashOf(listedOther))), "passed"},
		"a hash":                  {hash(hashOf(listedOther)), "passed"},
		"another text":            {text("query Teams { teams { ...T } } fragment T on Team { id name }"), refused},
		"a text and another":      {text(listedTeams + " query Agents { agents { id } }"), refused},
		"an unused fragment more": {text(listedTeams + " fragment U on Team { name }"), refused},
		"introspection":           {text("{ __schema { types { name } } }"), refused},
		"no GraphQL":              {text("{"), refused},
		"an empty text":           {text(""), refused},
		"30 kB":                   {text("{ teams { " + strings.Repeat("id ", 10_000) + "} }"), refused},
		"an unknown hash":         {hash(hashOf("{ teams { id } }")), refused},
		"a hash of another":       {text(listedTeams) + "," + hash(hashOf(listedOther)), "INVALID sha256Hash"},
		"no hash":                 {hash("7"), "INVALID sha256Hash"},
		"persistedQuery is none":  {`"extensions":{"persistedQuery":7}`, "INVALID sha256Hash"},
		"nothing":                 {`"operationName":"Teams"`, "INVALID query"},
	} {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			if c.want == "passed" && strings.Contains(strings.ToLower(c.body), hashOf(listedOther)) != (accept == "text/event-stream") {
				continue // a subscription is no request
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader("{"+c.body+"}"))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := outcome(firstOf(t, w)); got != c.want {
				t.Errorf("%s as %s: %s, want %s", name, accept, got, c.want)
			}
		}
	}
}

// TestOnlyListedDocumentsOverSockets does so over a socket. (H1)
func TestOnlyListedDocumentsOverSockets(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Allowed = listOf(t) })
	conn := s.enter(t, "ada")
	tell(t, conn, fmt.Sprintf(`{"id":"1","type":"subscribe","payload":{"extensions":{"persistedQuery":{"sha256Hash":%q}}}}`, hashOf(listedOther)))
	<-s.source.opened
	tell(t, conn, `{"id":"2","type":"subscribe","payload":{"query":"subscription Other { unreadCountEvents { __typename } }"}}`)
	if got := hear(t, conn); got.ID != "2" || got.Type != "error" || !strings.Contains(string(got.Payload), "DOCUMENT_NOT_LISTED") {
		t.Errorf("got %+v %s", got, got.Payload)
	}
}

// TestWithoutAListAHashIsNotEnough holds for a server that lists nothing.
func TestWithoutAListAHashIsNotEnough(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	got := send(t, h, http.MethodPost, "application/json", fmt.Sprintf(`{"extensions":{"persistedQuery":{"sha256Hash":%q}}}`, hashOf("x")))
	if outcome(got) != "INVALID query" {
		t.Errorf("got %+v", got)
	}
}

func TestListsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]fstest.MapFS{
		"nothing":           {"README.md": {Data: []byte("x")}},
		"a wrong hash":      {"a.json": {Data: fmt.Appendf(nil, `{%q: "{ teams { id } }"}`, hashOf("other"))}},
		"no manifest":       {"a.json": {Data: []byte("[]")}},
		"no GraphQL":        {"a.graphql": {Data: []byte("query {")}},
		"a fragment alone":  {"a.graphql": {Data: []byte("fragment T on Team { id }")}},
		"a missing one":     {"a.graphql": {Data: []byte("query Q { teams { ...T } }")}},
		"an empty document": {"a.json": {Data: fmt.Appendf(nil, `{%q: ""}`, hashOf(""))}},
	} {
		if _, err := ReadAllowedDocuments(folder); err == nil {
			t.Errorf("%s is a list", name)
		}
	}
}
