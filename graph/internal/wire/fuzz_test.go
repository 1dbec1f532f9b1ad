package wire

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// FuzzRequest looks for the body or the address of a request that panics, or that is refused by anything but an INVALID error.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{a}","operationName":null,"variables":{"a":1e400},"extensions":{}}`, `[{"query":"{a}"}]`, `{"query":1}`, `{"query":"{a}"}{}`,
		`query={a}&variables={"a":1}&operationName=x`, `variables=[]`, `{"QUERY":"a","query":"b"}`, "{\"query\":\"\xff\"}", `null`, `{"variables":[]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		params, err := decodeRequest(data, http.Header{})
		if (err == nil) != (params != nil) || err != nil && !isInvalid(err) {
			t.Fatalf("%q gives %v, %v", data, params, err)
		}
		if err == nil && (!utf8.ValidString(params.Query) || !utf8.ValidString(params.OperationName)) {
			t.Fatalf("%q gives text that is none: %q", data, params.Query)
		}
		if err != nil && len(reasonOf(err)) > 300 {
			t.Fatalf("%q is echoed: %s", data, reasonOf(err))
		}
		values, err := url.ParseQuery(string(data))
		if err != nil {
			return
		}
		if params, err := queryRequest(values, http.Header{}); err == nil && params.Query != values.Get("query") || err != nil && !isInvalid(err) {
			t.Fatalf("%q gives %v, %v", data, params, err)
		}
	})
}

func isInvalid(err error) bool {
	var known *fault.Error
	return errors.As(err, &known) && known.Code == fault.Invalid
}

// FuzzAccept looks for an Accept header that panics, or that gets a type which it does not name.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"", "*/*", "text/event-stream;q=0.1, */*;q=NaN", `application/json;charset="utf-8"`, "application/*;q=1e-9", ",;=,", "a/b;q=\x00"} {
		f.Add(seed)
	}
	offers := []string{typeJSON, typeGraphQL, typeEvents}
	f.Fuzz(func(t *testing.T, header string) {
		got := negotiate([]string{header}, offers...)
		if got == "" {
			return
		}
		kind, _, _ := strings.Cut(got, "/")
		lower := strings.ToLower(header)
		named := strings.Contains(lower, got) || strings.Contains(lower, kind+"/*") || strings.Contains(lower, "*/*")
		if !slices.Contains(offers, got) || !named && strings.TrimSpace(header) != "" {
			t.Fatalf("%q gets %q", header, got)
		}
	})
}
