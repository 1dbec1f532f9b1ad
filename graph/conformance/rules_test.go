package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const nowhere = `"018f0000-0000-7000-8000-00000000ffff"`

// callers are those of the rules below, in their order.
func (s *stack) callers() []http.Header {
	return []http.Header{
		{},
		{"X-Api-Key": {s.apiKey()}},
		{"X-Api-Key": {s.apiKey("inbox:read")}},
		{"X-Api-Key": {s.apiKey("notifications:send")}},
		bearer(s.login("ann")),
		bearer(s.login("sue")),
	}
}

// rules say who may do what. For each operation: a document that changes nothing, and what nobody, an API key without scopes, one that
// may read, one that may send, an agent and a supervisor get: U for UNAUTHENTICATED, F for FORBIDDEN, and - for an answer of the use
// case itself: one that is not there for reassignConversation, the limit of attempts for the sixth to sign in. (H12)
func rules() map[string][2]string {
	conversation := "(input: {conversationId: " + nowhere + "}) { conversation { id } }"
	template := `{name: "a", language: "en"}`
	return map[string][2]string{
		"Query.viewer":                 {"{ viewer { agent { id } } }", "UFFF--"},
		"Query.agents":                 {"{ agents { id } }", "UF-F--"},
		"Query.teams":                  {"{ teams { id } }", "UF-F--"},
		"Query.channelAccounts":        {"{ channelAccounts { id } }", "UF-F--"},
		"Query.conversations":          {"{ conversations { cursor } }", "UF-F--"},
		"Query.conversationCounts":     {"{ conversationCounts { all } }", "UF-F--"},
		"Query.unreadCount":            {"{ unreadCount { conversations } }", "UFFF--"},
		"Query.conversation":           {"{ conversation(id: " + nowhere + ") { id } }", "U-----"},
		"Query.contact":                {"{ contact(id: " + nowhere + ") { id } }", "U-----"},
		"Query.alerts":                 {"{ alerts { cursor } }", "UFFFF-"},
		"Mutation.login":               {`mutation { login(input: {tenant: "x", email: "x", password: "wrong horse battery"}) { accessToken } }`, "UUUUU-"},
		"Mutation.refresh":             {`mutation { refresh(input: {refreshToken: "x"}) { accessToken } }`, "UUUUU-"},
		"Mutation.logout":              {`mutation { logout(input: {refreshToken: "x"}) { ok } }`, "------"},
		"Mutation.claimConversation":   {"mutation { claimConversation" + conversation + " }", "UFFF--"},
		"Mutation.releaseConversation": {"mutation { releaseConversation" + conversation + " }", "UFFF--"},
		"Mutation.resolveConversation": {"mutation { resolveConversation" + conversation + " }", "UFFF--"},
		"Mutation.reopenConversation":  {"mutation { reopenConversation" + conversation + " }", "UFFF--"},
		"Mutation.reassignConversation": {"mutation { reassignConversation(input: {conversationId: " + nowhere + ", agentId: " + nowhere +
			"}) { conversation { id } } }", "UFFF--"},
		"Mutation.snoozeConversation": {"mutation { snoozeConversation(input: {conversationId: " + nowhere +
			`, until: "2099-01-01T00:00:00Z"}) { conversation { id } } }`, "UFFF--"},
		"Mutation.markRead":     {"mutation { markRead(input: {conversationId: " + nowhere + ", upToMessageId: " + nowhere + "}) { unreadCount } }", "UFFF--"},
		"Mutation.sendMessage":  {"mutation { sendMessage(input: {conversationId: " + nowhere + `, text: "x"}) { message { id } } }`, "UFFF--"},
		"Mutation.retryMessage": {"mutation { retryMessage(input: {messageId: " + nowhere + "}) { message { id } } }", "UFFF--"},
		"Mutation.sendNotification": {"mutation { sendNotification(input: {channelAccountId: " + nowhere + `, recipient: {phone: "+4915112345678"}, template: ` +
			template + "}) { message { id } } }", "UFF-FF"},
		"Subscription.conversationEvents":      {"subscription { conversationEvents { __typename } }", "UF-F--"},
		"Subscription.messageEvents":           {"subscription { messageEvents(conversationId: " + nowhere + ") { __typename } }", "U-----"},
		"Subscription.unreadCountEvents":       {"subscription { unreadCountEvents { __typename } }", "UFFF--"},
		"Subscription.conversationCountEvents": {"subscription { conversationCountEvents { __typename } }", "UF-F--"},
		"Subscription.alertEvents":             {"subscription { alertEvents { __typename } }", "UFFFF-"},
	}
}

// Every operation of the schema says who may do it, and each kind of caller tries it. (H12)
func TestEveryOperationHasItsRule(t *testing.T) {
	t.Parallel()
	s := newStack(t, func(l *graph.Limits) { l.PingEvery = 50 * time.Millisecond })
	s.agent("ann", inbox.RoleAgent)
	s.agent("sue", inbox.RoleSupervisor)
	rules, callers := rules(), s.callers()
	for _, operation := range operations(t) {
		rule, ok := rules[operation]
		if !ok {
			t.Errorf("%s has no rule: say who may do it", operation)
			continue
		}
		got := ""
		for _, caller := range callers {
			got += s.outcome(caller, rule[0])
		}
		if got != rule[1] {
			t.Errorf("%s: got %s, want %s", operation, got, rule[1])
		}
	}
}

// operations returns the root fields of the schema.
func operations(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../schema/*.graphqls")
	check(t, err)
	var sources []*ast.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		sources = append(sources, &ast.Source{Name: file, Input: string(text)})
	}
	schema := gqlparser.MustLoadSchema(sources...)
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				names = append(names, root.Name+"."+field.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// outcome sends the operation and returns its letter.
func (s *stack) outcome(caller http.Header, document string) string {
	s.t.Helper()
	got := reply{}
	if strings.HasPrefix(document, "subscription") {
		got = s.first(caller, document)
	} else {
		got = s.ask(caller, document, nil)
	}
	switch got.code() {
	case "UNAUTHENTICATED":
		return "U"
	case "FORBIDDEN":
		return "F"
	case "INTERNAL":
		return "!"
	}
	return "-"
}

// first returns the first response of a subscription, or none when it has begun: a stream that is kept alive has had its refusal before.
func (s *stack) first(caller http.Header, document string) (got reply) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]string{"query": document})
	check(s.t, err)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", strings.NewReader(string(body)))
	check(s.t, err)
	for name, values := range caller {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	check(s.t, err)
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			check(s.t, json.Unmarshal([]byte(text), &got))
			return got
		}
		if lines.Text() == ":" {
			return got
		}
	}
	s.t.Fatalf("%s: the stream ends without a word", document)
	return got
}
