package graph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func chain(levels int) string {
	// conversation, messages, edges, node and the last id are five levels.
	inner := "id"
	for range levels - 5 {
		inner = "replyTo { " + inner + " }"
	}
	return `{ conversation(id: "018f0000-0000-7000-8000-000000000001") { messages(last: 1) { edges { node { ` + inner + ` } } } } }`
}

func TestLimitsRefuseWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format+" ", i)
		}
		return b.String()
	}
	const refresh = `refresh(input: {refreshToken: "x"}) { accessToken }`
	for name, c := range map[string]struct{ query, limit string }{
		"H2 depth":          {chain(maxDepth + 1), "depth"},
		"H2 aliases":        {"{ teams { " + repeat(maxAliases+1, "a%d: id") + "} }", "aliases"},
		"H2 root fields":    {"{ " + repeat(maxRootFields+1, "a%d: __typename") + "}", "root fields"},
		"H2 directives":     {"{ teams { id " + strings.Repeat("@include(if: true) ", 1) + repeat(maxDirectives, "name @skip(if: false) #%d\n") + "} }", "directives"},
		"H13 mutation":      {"mutation { a: " + refresh + " b: " + refresh + " }", "call of refresh"},
		"H2 one fragment":   {"{ teams { ...f } } fragment f on Team { " + repeat(maxAliases+1, "a%d: id") + "}", "aliases"},
		"H2 list in a list": {"{ conversations(first: 100) { edges { node { messages(last: 100) { edges { node { id } } } } } } }", "complexity"},
		"H2 fields":         {"{ teams { " + strings.Repeat("...f ", 101) + "} } fragment f on Team { " + strings.Repeat("id ", 10) + "}", "fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := edge(t)
			got := post(t, h, c.query, nil)
			if got.code() != "INVALID" || got.Errors[0].Extensions["limit"] != c.limit || got.Data != nil {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestLimitsLetTheAppsDocumentsThrough(t *testing.T) {
	t.Parallel()
	message := `id seq direction kind text label edited deleted reactions { emoji at } attachments { id filename mimeType size state url }
		replyTo { id text attachments { id } } author { id name } status failure { code reason } hold { reason since until }
		attempts { number outcome code } sentAt deliveredAt readAt retryOf retriedBy createdAt version`
	for name, query := range map[string]string{
		"list":   `{ conversations(first: 50) { edges { cursor unreadCount node { id status preview version contact { id name } channelAccount { id name channel team { id } } assignee { id name } replyWindow { open closesAt reason } } } pageInfo { hasNextPage endCursor } cursor } }`,
		"thread": `{ conversation(id: "018f0000-0000-7000-8000-000000000001") { id messages(last: 50) { edges { cursor node { ` + message + ` } } cursor } } }`,
		"depth":  chain(maxDepth),
	} {
		h, _ := edge(t)
		if got := post(t, h, query, nil); got.code() != "UNAUTHENTICATED" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// A page is asked for by one number from 1 to 100, however it is written. (H2)
func TestLimitsBoundPages(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	const list = `query($n: Int!) { conversations(first: $n) { cursor } }`
	const thread = `query($f: Int, $l: Int) { conversation(id: "018f0000-0000-7000-8000-000000000001") { messages(first: $f, last: $l) { cursor } } }`
	for _, c := range []struct {
		query string
		vars  map[string]any
		field string
	}{
		{list, map[string]any{"n": 0}, "first"},
		{list, map[string]any{"n": 101}, "first"},
		{list, map[string]any{"n": -1}, "first"},
		{list, map[string]any{"n": 1 << 40}, "first"},
		{`{ conversations(first: 101) { cursor } }`, nil, "first"},
		{`{ ...f } fragment f on Query { conversations(first: 101) { cursor } }`, nil, "first"},
		{thread, map[string]any{"f": 101}, "first"},
		{thread, map[string]any{"l": 0}, "last"},
		{thread, map[string]any{"f": 1, "l": 1}, "last"},
	} {
		got := post(t, h, c.query, c.vars)
		if got.code() != "INVALID" || got.Errors[0].Extensions["field"] != c.field {
			t.Errorf("%s %v: got %+v", c.query, c.vars, got)
		}
	}
}

// H1: whatever fits into a body is refused or answered in little time. The fragment bomb would take 2^60 steps if it were expanded.
func TestNoBodyCostsMuch(t *testing.T) {
	t.Parallel()
	bomb := "{ teams { ...f0 ...f0 } }"
	for i := range 60 {
		bomb += fmt.Sprintf(" fragment f%d on Team { ...f%d ...f%d }", i, i+1, i+1)
	}
	bomb += " fragment f60 on Team { id }"
	deepBomb := `{ conversation(id: "018f0000-0000-7000-8000-000000000001") { messages(last: 1) { edges { node { ...g0 } } } } }`
	for i := range 40 {
		deepBomb += fmt.Sprintf(" fragment g%d on Message { a: replyTo { ...g%d } b: replyTo { ...g%d } }", i, i+1, i+1)
	}
	deepBomb += " fragment g40 on Message { id }"
	const (
		room    = 63 << 10
		tooLong = 20 * time.Second // no measure of speed: what grows with a power of its length takes minutes
	)
	for name, query := range map[string]string{
		"repeated fields":  "{ viewer { agent { " + strings.Repeat("name ", room/5) + "} } }",
		"repeated aliases": "{ viewer { agent { " + strings.Repeat("a:name ", 495) + "} } }",
		"open braces":      strings.Repeat("{a", room/2),
		"open brackets":    "{ a(b: " + strings.Repeat("[", room/2),
		"one long name":    "{ " + strings.Repeat("a", room) + " }",
		"one long string":  `{ a(b: "` + strings.Repeat("x", room) + `") }`,
		"comments":         strings.Repeat("#\n", room/2),
		"fragment bomb":    bomb,
		"deep bomb":        deepBomb,
		"spreads":          "{ teams { " + strings.Repeat("...f ", 480) + "} } fragment f on Team { id }",
		"inline fragments": "{ teams { " + strings.Repeat("...{id}", 240) + "} }",
		"introspection":    "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
		"circular":         "{ teams { ...f } } fragment f on Team { ...g } fragment g on Team { ...f }",
	} {
		h, _ := edge(t)
		start := time.Now()
		got := post(t, h, query, nil)
		if took := time.Since(start); took > tooLong || got.code() == "" || got.code() == "UNAVAILABLE" {
			t.Errorf("%s took %v: %+v", name, took, got.Errors)
		}
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	const query = `{"query":"{ __typename }"}`
	for name, c := range map[string]struct {
		method, contentType, body string
		status                    int
	}{
		"H1 too large":            {http.MethodPost, "application/json", `{"query":"#` + strings.Repeat("x", 64<<10) + `"}`, http.StatusRequestEntityTooLarge},
		"H4 multipart":            {http.MethodPost, "multipart/form-data; boundary=x", query, http.StatusUnsupportedMediaType},
		"H4 urlencoded":           {http.MethodPost, "application/x-www-form-urlencoded", "query={__typename}", http.StatusUnsupportedMediaType},
		"H4 text":                 {http.MethodPost, "text/plain", query, http.StatusUnsupportedMediaType},
		"H4 graphql":              {http.MethodPost, "application/graphql", "{ __typename }", http.StatusUnsupportedMediaType},
		"H4 no type":              {http.MethodPost, "", query, http.StatusUnsupportedMediaType},
		"another charset":         {http.MethodPost, "application/json; charset=utf-16", query, http.StatusUnsupportedMediaType},
		"H4 PUT":                  {http.MethodPut, "application/json", query, http.StatusMethodNotAllowed},
		"batch":                   {http.MethodPost, "application/json", "[" + query + "]", http.StatusBadRequest},
		"two objects":             {http.MethodPost, "application/json", query + query, http.StatusBadRequest},
		"no UTF-8":                {http.MethodPost, "application/json", "{\"query\":\"{ __typename } #\xff\"}", http.StatusBadRequest},
		"null query":              {http.MethodPost, "application/json", `{"query":null}`, http.StatusBadRequest},
		"variables nested deeply": {http.MethodPost, "application/json", `{"query":"{ __typename }","variables":{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}}`, http.StatusBadRequest},
	} {
		h, _ := edge(t)
		if got := send(t, h, c.method, c.contentType, c.body); got.Status != c.status || got.code() != "INVALID" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Neither the schema nor a suggestion is told, unless introspection is switched on. (H3)
func TestSchemaIsNotTold(t *testing.T) {
	t.Parallel()
	h, _ := edge(t)
	if got := post(t, h, "{ __schema { types { name } } }", nil); got.code() != "FORBIDDEN" {
		t.Errorf("__schema: %+v", got)
	}
	if got := post(t, h, `{ ...f } fragment f on Query { __schema { types { name } } }`, nil); got.code() != "FORBIDDEN" {
		t.Errorf("__schema in a fragment: %+v", got)
	}
	if got := post(t, h, `{ a: __type(name: "Team") { name } }`, nil); string(got.Data) != `{"a":null}` || got.Errors != nil {
		t.Errorf("__type: %s %+v", got.Data, got.Errors)
	}
	for _, query := range []string{"{ viewr { agent { id } } }", "{ viewer }", "{ conversations(frist: 1) { cursor } }", "{ teams { ...f } } fragment f on Teem { id }", "query($x: Strin) { __typename }", "{ conversations(filter: {statu: OPEN}) { cursor } }", "{ conversations(filter: {assignee: MIN}) { cursor } }"} {
		got := post(t, h, query, nil)
		if got.code() != "INVALID" || strings.Contains(fmt.Sprint(got.Errors), "Did you mean") {
			t.Errorf("%s: %+v", query, got.Errors)
		}
	}
	open, _ := edge(t, func(c *Config) { c.Introspection = true })
	if got := post(t, open, `{ __type(name: "Team") { name } __schema { queryType { name } } }`, nil); got.Errors != nil {
		t.Errorf("with introspection: %+v", got.Errors)
	}
}
