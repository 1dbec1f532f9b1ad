package attack

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// walk sends operations as A and looks at the answers.
type walk struct {
	t    *testing.T
	s    *stage
	a, b *shop // b is whose values are compared
	own  map[string]any
	sent *atomic.Int64
}

func newWalk(a *shop) *walk {
	return &walk{t: a.s.t, s: a.s, a: a, own: a.own(), sent: &atomic.Int64{}}
}

// variables returns A's own values for the operation.
func (w *walk) variables(op operation) map[string]any {
	variables := map[string]any{}
	for _, arg := range op.arguments {
		name := arg.path[len(arg.path)-1]
		value, known := w.own[name]
		if !known {
			w.t.Fatalf("%s has a new argument %s: give it a case in own()", op.field.Name, arg.name())
		}
		switch {
		case op.field.Name == "contact" && name == "id":
			value = w.own["contactId"]
		case op.root == ast.Subscription && name == "after":
			value = w.a.start // so that all of A's day is told
		}
		if arg.path[0] == "filter" && name != "status" && name != "assignee" || op.field.Name == "sendMessage" && arg.path[1] == "template" {
			continue // set alone, when it is its turn
		}
		place(variables, arg.path, value)
	}
	return variables
}

// defaults sends the operation as it is meant, and fails when it is not answered with its data: then nothing of what it selects was looked at.
func (w *walk) defaults(op operation) {
	w.t.Helper()
	w.ready(op)
	raw := w.do(op, w.meant(op))
	if strings.Contains(raw, `{"data":{"`+op.field.Name+`":{`) || strings.Contains(raw, `{"data":{"`+op.field.Name+`":[`) {
		return
	}
	w.t.Errorf("%s: the walker's own document is answered %s\n%s", op.field.Name, raw, op.document)
}

// meant returns variables with which the operation succeeds.
func (w *walk) meant(op operation) map[string]any {
	w.t.Helper()
	variables := w.variables(op)
	switch op.field.Name {
	case "login":
		return map[string]any{"input": w.a.signInOf("bob")}
	case "refresh", "logout":
		raw := w.a.ask("nobody", loginDocument, map[string]any{"in": w.a.signInOf("bob")})
		place(variables, []string{"input", "refreshToken"}, find(raw, `"refreshToken":"([^"]+)"`))
	case "retryMessage":
		w.s.Exec(`UPDATE messages SET status = 'FAILED', failed_at = now(), failed_code = 'x' WHERE tenant_id = $1 AND direction = 'OUTBOUND' AND status <> 'FAILED'
			AND conversation_id = $2`, w.a.ID.UUID(), w.own["conversationId"])
		place(variables, []string{"input", "messageId"}, w.a.one(`SELECT id::text FROM messages m WHERE tenant_id = $1 AND status = 'FAILED' AND text <> ''
			AND NOT EXISTS (SELECT FROM messages r WHERE r.retry_of = m.id) ORDER BY seq DESC LIMIT 1`))
	}
	return variables
}

// ready brings A's conversation to where the mutation can be done.
func (w *walk) ready(op operation) {
	w.t.Helper()
	if op.root != ast.Mutation {
		return
	}
	before := map[string][]string{"claimConversation": {"reopenConversation", "releaseConversation"}, "reopenConversation": {"resolveConversation"}}
	names, ok := before[op.field.Name]
	if !ok {
		names = []string{"reopenConversation"}
	}
	for _, name := range names { // what it is already is refused
		w.a.ask("ada", fmt.Sprintf("mutation { %s(input: {conversationId: %q}) { conversation { id } } }", name, w.own["conversationId"]), nil)
	}
}

func (w *walk) send(op operation, arg argument, value any) string {
	w.t.Helper()
	variables := w.variables(op)
	if op.field.Name == "sendMessage" && arg.path[1] == "template" { // it is sent instead of a text
		variables["input"].(map[string]any)["text"] = nil
		place(variables, []string{"input", "template"}, map[string]any{"name": w.own["name"], "language": w.own["language"]})
	}
	place(variables, arg.path, value)
	return w.do(op, variables)
}

// compare sends B's id and two that nobody has: the answers are the same but for the id.
func (w *walk) compare(op operation, arg argument, foreign string, unknown []string) {
	w.t.Helper()
	erase := func(id string) string { return anonymous(strings.ReplaceAll(w.send(op, arg, id), id, "ID")) }
	got := erase(foreign)
	first := erase(unknown[0])
	if got != first && got != erase(unknown[1]) {
		w.t.Errorf("%s: %s of B answers\n%s\nand one that nobody has\n%s", op.field.Name, arg.name(), got, first)
	}
}

// anonymous removes what differs from one answer to the next.
func anonymous(raw string) string {
	raw = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(raw, "T")
	return regexp.MustCompile(`"(cursor|accessToken|refreshToken|version|lastSeq)":("[^"]*"|\d+)`).ReplaceAllString(raw, `"$1":0`)
}

// do sends an operation and fails the test when the answer holds the canary.
func (w *walk) do(op operation, variables map[string]any) string {
	w.t.Helper()
	// Callers take turns: an answer is compared with that of the same caller, one or two requests later.
	who := []string{"ada", "key"}[w.sent.Add(1)%2]
	switch {
	case op.field.Name == "sendNotification":
		who = "key"
	case op.root == ast.Subscription || op.root == ast.Mutation || op.field.Name == "viewer" || op.field.Name == "alerts" || op.field.Name == "unreadCount":
		who = "ada"
	}
	raw := ""
	if op.root == ast.Subscription {
		raw = w.follow(op, variables)
	} else {
		raw = w.a.answer(who, op.document, variables)
	}
	if strings.Contains(raw, "RATE_LIMITED") || strings.Contains(raw, `"INTERNAL"`) || strings.Contains(raw, "asks too much") {
		w.t.Errorf("%s %v is not looked at: %.300s", op.field.Name, variables, raw)
	}
	if strings.Contains(raw, canary) {
		w.t.Errorf("%s %v answers with B's data: %s", op.field.Name, variables, raw)
	}
	return raw
}
