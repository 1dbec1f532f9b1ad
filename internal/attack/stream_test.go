package attack

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// stream is an event stream that is being read.
type stream struct {
	output
	status int
	end    context.CancelFunc
}

// told returns what came so far, with the status before it.
func (s *stream) told() string { return fmt.Sprint(s.status, " ", s.String()) }

// listen opens an event stream of the admin and reads it until it is ended. What it subscribes to has begun when this returns.
func (n *shop) listen(document string, variables map[string]any) *stream {
	n.s.t.Helper()
	ctx, cancel := context.WithCancel(n.s.t.Context())
	r := n.request("ada", document, variables).WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	n.s.must(err)
	s := &stream{status: response.StatusCode, end: cancel}
	go func() {
		defer response.Body.Close()
		buffer := make([]byte, 32<<10)
		for {
			size, err := response.Body.Read(buffer)
			_, _ = s.Write(bytes.ReplaceAll(buffer[:size], []byte(":\n\n"), nil)) // what only keeps it alive
			if err != nil {
				return
			}
		}
	}()
	return s
}

// speak has the admin write into the shop's first conversation, and returns when a stream of the shop's own is told of it.
func (n *shop) speak(text string) {
	n.s.t.Helper()
	id := n.one("SELECT id::text FROM conversations WHERE tenant_id = $1 ORDER BY id LIMIT 1")
	own := n.listen(fmt.Sprintf(`subscription { messageEvents(conversationId: %q) { ... on MessageEvent { message { text } } } }`, id), nil)
	defer own.end()
	n.ask("ada", fmt.Sprintf(`mutation { reopenConversation(input: {conversationId: %q}) { conversation { id } } }`, id), nil) // where it is not open
	raw := n.ask("ada", fmt.Sprintf(`mutation { sendMessage(input: {conversationId: %q, text: %q}) { message { id } } }`, id, text), nil)
	if !strings.Contains(raw, `{"data":{`) {
		n.s.t.Fatalf("the message is answered %s", raw)
	}
	n.s.eventually("a stream tells of "+text, func() bool { return strings.Contains(own.told(), text) })
}

// follow reads an event stream until it tells anything.
func (w *walk) follow(op operation, variables map[string]any) string {
	w.t.Helper()
	s := w.a.listen(op.document, variables)
	defer s.end()
	w.s.eventually(op.field.Name+" tells anything", func() bool { return strings.Contains(s.told(), "\n\n") })
	return s.told()
}

// compareStreams opens the streams of B's values and of some that nobody has beside each other. Then B's conversation goes on, and A's own: what
// a stream tells of B it has told before that of A is told. All of them told the same but for the values.
func (w *walk) compareStreams(op operation, arg argument, foreign, unknown []string) {
	w.t.Helper()
	streams := map[string]*stream{}
	for _, value := range append(unknown, foreign...) {
		variables := w.variables(op)
		place(variables, arg.path, value)
		streams[value] = w.a.listen(op.document, variables)
		defer streams[value].end()
		w.sent.Add(1)
	}
	w.b.speak(canary + " goes on")
	for i := range 2 {
		w.a.speak(fmt.Sprint("A goes on ", i))
	}
	erased := func(value string) string { return anonymous(strings.ReplaceAll(streams[value].told(), value, "ID")) }
	for _, value := range foreign {
		w.s.eventually(fmt.Sprintf("%s: %s of B tells what one that nobody has tells: %s", op.field.Name, arg.name(), streams[value].told()), func() bool {
			return erased(value) == erased(unknown[0]) || erased(value) == erased(unknown[1])
		})
		if raw := streams[value].told(); strings.Contains(raw, canary) || strings.Contains(raw, `"INTERNAL"`) {
			w.t.Errorf("%s: %s of B is told %s", op.field.Name, arg.name(), raw)
		}
	}
}

// compareAll compares every value of B; streams so many beside each other as one caller may have.
func (w *walk) compareAll(op operation, arg argument, foreign, unknown []string) {
	w.t.Helper()
	const beside = 12
	for i, value := range foreign {
		switch {
		case op.root != ast.Subscription:
			w.compare(op, arg, value, unknown)
		case i%beside == 0:
			w.compareStreams(op, arg, foreign[i:min(i+beside, len(foreign))], unknown[:2:2])
		}
	}
}
