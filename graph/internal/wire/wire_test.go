package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                                  typeJSON,
		"*/*":                               typeJSON,
		"application/*":                     typeJSON,
		"application/graphql-response+json": typeGraphQL,
		"application/graphql-response+json, application/json;q=0.9":       typeGraphQL,
		"application/graphql-response+json;q=0.1, application/json;q=0.9": typeJSON,
		"application/json;q=0, */*;q=0.1":                                 typeGraphQL,
		"text/event-stream":                                               typeEvents,
		"text/*":                                                          typeEvents,
		"application/json, text/event-stream;q=0.9":                       typeJSON,
		"application/json; charset=utf-8":                                 typeJSON,
		"application/json; charset=utf-16":                                "",
		"text/html,application/xhtml+xml":                                 "",
		"text/html, */*;q=0.8":                                            typeJSON,
		"application/json;q=2":                                            "",
		"application/json;q=0":                                            "",
		"garbage":                                                         "",
		"application/graphql-response+json, application/json, text/event-stream, */*": typeJSON,
		"application/graphql-response+json, application/json;q=0.99, multipart/mixed": typeGraphQL,
	} {
		if got := negotiate([]string{accept}, typeJSON, typeGraphQL, typeEvents); got != want {
			t.Errorf("%q gives %q, want %q", accept, got, want)
		}
	}
	if got := negotiate([]string{"text/html", typeGraphQL}, typeJSON, typeGraphQL); got != typeGraphQL {
		t.Errorf("two headers give %q", got)
	}
}

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	o := newOutbox(100)
	f := func(n int) frame { return frame{body: make([]byte, n), at: time.Now()} }
	if !o.put(f(500), false) {
		t.Error("an empty queue refuses a large response")
	}
	if o.put(f(1), false) || !o.put(f(1), true) {
		t.Error("a full queue takes another, or refuses what must go out")
	}
	waited := make(chan error, 1)
	go func() { waited <- o.wait(t.Context()) }()
	for _, want := range []int{500, 1} {
		if got, ok := o.take(); !ok || len(got.body) != want {
			t.Fatalf("took %d, %v", len(got.body), ok)
		}
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	o.put(f(80), false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o.wait(ctx) == nil {
		t.Error("a wait outlives its context")
	}
	if o.put(frame{body: make([]byte, 5), dropped: func() bool { return true }}, false); true {
		o.take()
		if _, ok := o.take(); ok {
			t.Error("a frame that nobody wants is sent")
		}
	}
	if o.size != 0 {
		t.Errorf("%d bytes are left in an empty queue", o.size)
	}
}

func TestCloseReasonsFit(t *testing.T) {
	t.Parallel()
	for _, c := range []closing{closeDuplicate(strings.Repeat("ü", 200)), closeBadRequest(strings.Repeat("x", 500))} {
		reason := shorten(c.reason, 120)
		if len(reason) > 123 || !json.Valid([]byte(`"`+strings.ReplaceAll(reason, `"`, "")+`"`)) {
			t.Errorf("%d bytes: %q", len(reason), reason)
		}
	}
}

// Whatever a client sends is understood or refused; nothing panics, and what is understood has the form that the protocol asks.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`, `{"id":"1","type":"subscribe","payload":{"query":"{a}"}}`,
		`{"type":"ping","payload":null}`, `{"type":"complete","id":"\u0000"}`, `[]`, `{"type":1}`, `{"TYPE":"ping","type":"pong"}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMessage(data)
		if err != nil {
			return
		}
		if (m.Type == messageSubscribe || m.Type == messageComplete) && m.ID == "" {
			t.Fatalf("%q has no id", data)
		}
		if m.Payload != nil && !json.Valid(pongMessage(m.Payload)) {
			t.Fatalf("%q is answered with %q", data, pongMessage(m.Payload))
		}
		for _, frame := range [][]byte{completeMessage(m.ID), errorMessage(m.ID, gqlerror.List{{Message: "x"}}), []byte(nextHead(m.ID) + "1" + nextTail)} {
			if !json.Valid(frame) {
				t.Fatalf("%q is answered with %q", data, frame)
			}
		}
		_, _ = initOf(m.Payload)
		_, _ = decodeRequest(m.Payload, http.Header{})
	})
}
