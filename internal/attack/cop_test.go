package attack

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// TestGraphQLCop asks what graphql-cop asks: each of its twelve findings must be absent. (H1, H2, H3, H4)
func TestGraphQLCop(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	post := func(kind, body string) (int, string) { return n.plain(http.MethodPost, "/graphql", kind, body) }
	quoted := func(query string) string {
		text, err := json.Marshal(map[string]string{"query": query})
		s.must(err)
		return string(text)
	}
	data := func(text string) bool { return strings.Contains(text, `"data":{"`) }
	for name, asked := range map[string]func() (int, string){
		"alias overloading": func() (int, string) {
			return post("application/json", quoted("query cop { "+aliases(101, "__typename")+" }"))
		},
		"array batching": func() (int, string) {
			return post("application/json", "["+strings.Repeat(quoted("{ __typename }")+",", 9)+quoted("{ __typename }")+"]")
		},
		"query over GET": func() (int, string) {
			return n.plain(http.MethodGet, "/graphql?query=%7Bviewer%7Btenant%7Bname%7D%7D%7D", "", "")
		},
		"query as a form": func() (int, string) {
			return post("application/x-www-form-urlencoded", "query=%7Bviewer%7Btenant%7Bname%7D%7D%7D")
		},
		"field duplication": func() (int, string) {
			return post("application/json", quoted("query cop { "+strings.Repeat("__typename ", 500)+"}"))
		},
		"directive overloading": func() (int, string) {
			return post("application/json", quoted("{ __typename "+strings.Repeat("@aa", 10)+" }"))
		},
		"directive overloading with one that exists": func() (int, string) {
			return post("application/json", quoted("{ viewer { tenant { "+strings.Repeat("name @include(if: true) ", 11)+"} } }"))
		},
		"introspection": func() (int, string) {
			return post("application/json", quoted("query cop { __schema { types { name fields { name } } } }"))
		},
		"circular introspection": func() (int, string) {
			return post("application/json", quoted("{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"))
		},
		"mutation over GET": func() (int, string) {
			return n.plain(http.MethodGet, "/graphql?query=mutation%7Blogout(input:%7BrefreshToken:%22x%22%7D)%7Bok%7D%7D", "", "")
		},
		"mutation as a file upload": func() (int, string) {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			s.must(form.WriteField("operations", quoted(`mutation { logout(input: {refreshToken: "x"}) { ok } }`)))
			s.must(form.WriteField("map", "{}"))
			s.must(form.Close())
			return post(form.FormDataContentType(), body.String())
		},
	} {
		status, text := asked()
		if data(text) || strings.Contains(text, "UNAVAILABLE") || !strings.Contains(text, "errors") { // refused, and not given up after its time
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if _, text := post("application/json", quoted("{ viewer { tenant { nam } } }")); strings.Contains(text, "Did you mean") || strings.Contains(text, "name\"") {
		t.Errorf("field suggestions: %s", text)
	}
	_, text := post("application/json", quoted("{ viewer { tenant { name } } }"))
	if strings.Contains(text, "tracing") || strings.Contains(text, `"extensions"`) || !data(text) {
		t.Errorf("tracing: %s", text)
	}
	for _, path := range []string{"/graphql", "/graphiql", "/playground", "/console", "/altair", "/voyager", "/v1/graphiql"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.api.url+path, nil)
		s.must(err)
		r.Header.Set("Accept", "text/html")
		if _, text := send(t, r); strings.Contains(strings.ToLower(text), "graphiql") || strings.Contains(strings.ToLower(text), "playground") {
			t.Errorf("%s shows a query editor", path)
		}
	}
}

func aliases(count int, field string) string {
	text := ""
	for i := range count {
		text += " a" + strings.Repeat("b", i%50) + string(rune('a'+i/50)) + ": " + field
	}
	return text
}

// plain sends a request of the admin's with a body of any kind.
func (n *shop) plain(method, path, kind, body string) (int, string) {
	n.s.t.Helper()
	r, err := http.NewRequestWithContext(n.s.t.Context(), method, n.s.api.url+path, strings.NewReader(body))
	n.s.must(err)
	r.Header.Set("Authorization", "Bearer "+n.bearer)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return send(n.s.t, r)
}

func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
