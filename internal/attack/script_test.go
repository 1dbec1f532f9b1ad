package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// script is a day of one shop: what it asks, and what it was answered, with ids, times and tokens replaced by their order.
type script struct {
	n          *shop
	transcript []string
	names      map[string]string // what an id is called in the transcript
	known      map[string]string // what later steps need
	payloads   map[string]string // all that can be selected under a root field, by its name
	holds      bool              // subscriptions that were read stay open to the end of the test
}

func newScript(n *shop) *script {
	s := &script{n: n, names: map[string]string{}, known: map[string]string{}, payloads: map[string]string{}}
	all, _ := operations(n.s.t, readSchema(n.s.t))
	for _, op := range all {
		s.payloads[op.field.Name] = op.selection
	}
	return s
}

// step is one thing that a shop does. It covers the root fields that it names.
type step struct {
	covers []string
	do     func(*script)
}

const shown = `{ id status version lastSeq preview assignee { id name } team { id name } contact { id name identities { kind value } } channelAccount { id name } }`

// steps are the day in order.
func steps() []step {
	mutation := func(name, extra string) step {
		return step{covers: []string{name}, do: func(s *script) {
			s.ask("ada", fmt.Sprintf(`mutation { %s(input: {conversationId: %q, idempotencyKey: "key-%s"%s})%s }`,
				name, s.known["conversation"], name, extra, s.payloads[name]))
		}}
	}
	query := func(name, document string) step {
		return step{covers: []string{name}, do: func(s *script) { s.ask("ada", document) }}
	}
	return []step{
		{covers: []string{"login"}, do: func(s *script) {
			s.note("login", s.n.signInFor("mutation($in: LoginInput!) { login(input: $in)"+s.payloads["login"]+" }"))
		}},
		{do: func(s *script) {
			s.n.start = cursorIn(s.raw("ada", "{ conversations { cursor } }", nil))
			s.note("webhook", s.n.write("wamid.1", "4915112345678", "Kim", "hello")+s.n.write("wamid.1", "4915112345678", "Kim", "hello"))
			s.note("webhook", s.n.write("wamid.2", "4915112345679", "Lou", "good morning")+s.n.write("wamid.3", "4915112345678", "Kim", "anybody?"))
		}},
		{covers: []string{"conversations"}, do: func(s *script) {
			raw := s.ask("ada", `{ conversations(first: 1) { cursor pageInfo { hasNextPage endCursor } edges { cursor unreadCount node { id messages { edges { node { id seq text } } } } } } }`)
			s.known["conversation"] = find(raw, `"node":{"id":"([^"]+)"`)
			s.known["message"] = find(raw, `"messages":{"edges":\[{"node":{"id":"([^"]+)"`)
			s.ask("key", `{ conversations { edges { node `+shown+` } } }`)
		}},
		query("viewer", `{ viewer { agent { id name email role } teams { id name } tenant { id slug name } } }`),
		query("agents", `{ agents { id name email role } }`), query("teams", `{ teams { id name } }`),
		query("channelAccounts", `{ channelAccounts { id name channel provider status team { id } } }`),
		query("conversationCounts", `{ conversationCounts { mine unassigned all cursor } }`), query("unreadCount", `{ unreadCount { conversations cursor } }`),
		query("alerts", `{ alerts(includeClosed: true) { cursor alerts { id kind message } } }`),
		{covers: []string{"conversation", "contact"}, do: func(s *script) {
			raw := s.ask("ada", fmt.Sprintf(`{ conversation(id: %q) %s }`, s.known["conversation"], shown))
			s.ask("ada", fmt.Sprintf(`{ contact(id: %q) { id name identities { kind value } } }`, find(raw, `"contact":{"id":"([^"]+)"`)))
		}},
		mutation("claimConversation", ""),
		{covers: []string{"markRead"}, do: func(s *script) {
			s.ask("ada", fmt.Sprintf(`mutation { markRead(input: {conversationId: %q, upToMessageId: %q, idempotencyKey: "key-1"})%s }`,
				s.known["conversation"], s.known["message"], s.payloads["markRead"]))
		}},
		{covers: []string{"sendMessage", "retryMessage"}, do: func(s *script) {
			for range 2 {
				raw := s.ask("ada", fmt.Sprintf(`mutation { sendMessage(input: {conversationId: %q, text: "we are here", idempotencyKey: "key-send"})%s }`,
					s.known["conversation"], s.payloads["sendMessage"]))
				id := find(raw, `"message":{"__typename":"Message","id":"([^"]+)"`)
				s.n.s.Exec("UPDATE messages SET status = 'FAILED', failed_at = now(), failed_code = 'x' WHERE id = $1", id)
				s.ask("ada", fmt.Sprintf(`mutation { retryMessage(input: {messageId: %q, idempotencyKey: "key-retry"})%s }`, id, s.payloads["retryMessage"]))
			}
		}},
		{covers: []string{"sendNotification"}, do: func(s *script) {
			s.ask("key", fmt.Sprintf(`mutation { sendNotification(input: {channelAccountId: %q, recipient: {phone: "+49 151 12345680", name: "Max"}, template: {name: "ready", language: "en", body: ["7"]}, correlationId: "order-7", idempotencyKey: "key-1"})%s }`,
				s.n.account, s.payloads["sendNotification"]))
		}},
		mutation("snoozeConversation", `, until: "`+tomorrow()+`"`), mutation("reopenConversation", ""), mutation("releaseConversation", ""),
		{covers: []string{"reassignConversation"}, do: func(s *script) {
			agent := find(s.raw("ada", `{ viewer { agent { id } } }`, nil), `"agent":{"id":"([^"]+)"`)
			s.ask("ada", fmt.Sprintf(`mutation { reassignConversation(input: {conversationId: %q, agentId: %q, idempotencyKey: "key-2"})%s }`,
				s.known["conversation"], agent, s.payloads["reassignConversation"]))
		}},
		mutation("resolveConversation", ""),
		{covers: []string{"refresh"}, do: func(s *script) {
			raw := s.ask("nobody", fmt.Sprintf(`mutation { refresh(input: {refreshToken: %q, clientNonce: "a-nonce-of-sixteen"})%s }`, s.n.refresh, s.payloads["refresh"]))
			s.known["spent"] = s.n.refresh
			s.n.bearer, s.n.refresh = find(raw, `"accessToken":"([^"]+)"`), find(raw, `"refreshToken":"([^"]+)"`)
			s.known["successor"] = s.n.refresh
		}},
		{do: func(s *script) { s.note("a spent token", s.n.spendTwice()) }},
		{covers: []string{"conversationEvents", "messageEvents", "unreadCountEvents", "conversationCountEvents", "alertEvents"}, do: func(s *script) {
			s.replay(false, "kind LIKE 'CONVERSATION_%'", "conversationEvents(after: $after)"+s.payloads["conversationEvents"])
			s.replay(false, "kind = 'MESSAGE_CREATED' AND conversation_id = '"+s.known["conversation"]+"'",
				fmt.Sprintf("messageEvents(conversationId: %q, after: $after)%s", s.known["conversation"], s.payloads["messageEvents"]))
			s.replay(false, "kind LIKE 'ALERT_%'", "alertEvents(after: $after)"+s.payloads["alertEvents"])
			for _, name := range []string{"unreadCountEvents", "conversationCountEvents"} {
				s.replay(true, "true", name+"(after: $after)"+s.payloads[name])
			}
		}},
		{do: (*script).everything},
		{covers: []string{"logout"}, do: func(s *script) {
			other := s.n.refresh
			s.n.signIn()
			s.ask("nobody", fmt.Sprintf(`mutation { logout(input: {refreshToken: %q})%s }`, other, s.payloads["logout"]))
		}},
	}
}

// everything asks every query with every field that the schema has, so that a new one is compared too.
func (s *script) everything() {
	all, _ := operations(s.n.s.t, readSchema(s.n.s.t))
	w := &walk{t: s.n.s.t, s: s.n.s, a: s.n, own: s.n.own()}
	for _, op := range all {
		if op.root == ast.Query {
			s.note(op.document, s.n.answer("ada", op.document, w.variables(op)))
		}
	}
}

// run does the first so many steps; before is called ahead of each.
func (s *script) run(most int, before func(i int)) {
	for i, one := range steps()[:most] {
		if before != nil {
			before(i)
		}
		one.do(s)
	}
}

func (s *script) raw(who, query string, variables map[string]any) string {
	return s.n.ask(who, query, variables)
}

// ask sends an operation and writes the answer down, with its status.
func (s *script) ask(who, query string) string {
	raw := s.n.answer(who, query, nil)
	s.note(query, raw)
	return raw
}

// note writes an answer down.
func (s *script) note(about, raw string) {
	s.transcript = append(s.transcript, s.normalise(about)+"\n\t"+s.normalise(raw))
}

// normalise replaces what is new in every run: an id by the number of its first appearance, a cursor by its number, times and tokens by
// their length.
func (s *script) normalise(raw string) string {
	raw = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllStringFunc(raw, func(id string) string {
		if s.names[id] == "" {
			s.names[id] = fmt.Sprintf("#%d", len(s.names)+1)
		}
		return s.names[id]
	})
	raw = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(raw, "TIME")
	raw = regexp.MustCompile(`timestamp(\\?":\s*\\?")\d+`).ReplaceAllString(raw, "timestamp${1}0") // in what the provider sent
	raw = regexp.MustCompile(`"(accessToken|refreshToken)":"([^"]*)"`).ReplaceAllStringFunc(raw, func(m string) string { return fmt.Sprint("TOKEN of ", len(m)) })
	raw = regexp.MustCompile(`(rt|ik)_[0-9a-z]{26}_[A-Za-z0-9_-]{43}`).ReplaceAllString(raw, "CREDENTIAL")
	return regexp.MustCompile(`"(cursor|endCursor|startCursor)":"([^"]*)"`).ReplaceAllStringFunc(raw, func(m string) string {
		text := m[strings.Index(m, `:"`)+2 : len(m)-1]
		if cursor, ok := inbox.ParseCursor(text); ok {
			return fmt.Sprint("CURSOR ", cursor.Seq)
		}
		return fmt.Sprint("PLACE of ", len(text))
	})
}

// replay reads a subscription from before the first step until it has told the last event of such a kind, and writes it down: all of it, or the
// last item of one that tells numbers, which may skip those between.
func (s *script) replay(numbers bool, kinds, field string) {
	s.n.s.t.Helper()
	end, err := strconv.ParseInt(s.n.one("SELECT max(seq)::text FROM events WHERE tenant_id = $1 AND "+kinds), 10, 64)
	s.n.s.must(err)
	ctx, cancel := context.WithCancel(s.n.s.t.Context())
	patience := time.AfterFunc(30*time.Second, cancel)
	defer patience.Stop()
	if !s.holds {
		defer cancel()
	}
	r := s.n.request("ada", "subscription($after: Cursor) { "+field+" }", map[string]any{"after": s.n.start}).WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	s.n.s.must(err)
	context.AfterFunc(ctx, func() { _ = response.Body.Close() })
	var items []string
	for lines, told := bufio.NewScanner(response.Body), false; !told; {
		if !lines.Scan() {
			s.n.s.t.Fatalf("%.30s… ends before event %d: %v %q", field, end, lines.Err(), items)
		}
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			items = append(items, text)
			cursor, _ := inbox.ParseCursor(find(text, `"cursor":"([^"]+)"`))
			told = cursor.Seq >= end
		}
	}
	if numbers {
		items = items[len(items)-1:] // and what changed since the one before depends on where that one stood
		items[0] = regexp.MustCompile(`"changed":\[[^\]]*\]`).ReplaceAllString(items[0], "CHANGED")
	}
	s.note(field, strings.Join(items, "\n\t"))
}

// tomorrow is when a snooze of the day ends.
func tomorrow() string { return time.Now().UTC().Add(24 * time.Hour).Format(time.RFC3339) }

func find(raw, pattern string) string {
	if match := regexp.MustCompile(pattern).FindStringSubmatch(raw); match != nil {
		return match[1]
	}
	return "018f0000-0000-7000-8000-00000000ffff"
}

func cursorIn(raw string) string {
	var got struct {
		Data struct{ Conversations struct{ Cursor string } }
	}
	_ = json.Unmarshal([]byte(raw), &got)
	return got.Data.Conversations.Cursor
}

// TestAnotherTenantChangesNothing runs the day of tenant A alone, and again while tenant B, with the same names, phones, addresses,
// message ids and idempotency keys, does each thing just before A and keeps its streams open. What A is answered is the same to the byte. (R50, H14)
func TestAnotherTenantChangesNothing(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, one := range steps() {
		for _, name := range one.covers {
			covered[name] = true
		}
	}
	all, _ := operations(t, readSchema(t))
	for _, op := range all {
		if !covered[op.field.Name] {
			t.Errorf("%s is in no step of the day: add one", op.field.Name)
		}
	}
	alone := newScript(newStage(t).shop("shop-a"))
	alone.run(len(steps()), nil)
	s := newStage(t)
	beside, other := newScript(s.shop("shop-a")), newScript(s.shop("shop-b"))
	other.holds = true // so that A's streams find those of B, in the same words
	day := steps()
	beside.run(len(day), func(i int) { day[i].do(other) })
	for i := range alone.transcript {
		if i >= len(beside.transcript) || alone.transcript[i] != beside.transcript[i] {
			t.Fatalf("alone A was answered\n%s\nand beside B\n%s", alone.transcript[i], beside.transcript[min(i, len(beside.transcript)-1)])
		}
	}
	text := strings.Join(alone.transcript, "\n")
	for _, op := range all {
		if !strings.Contains(text, `{"data":{"`+op.field.Name+`":`) {
			t.Errorf("%s was not answered with data", op.field.Name)
		}
	}
	if strings.Count(text, "INTERNAL") > 0 || !strings.Contains(text, "MESSAGE_CREATED") || len(alone.transcript) < 25 {
		t.Errorf("the day did not go as planned: %s", text)
	}
	if slices.Equal(beside.transcript, other.transcript) {
		t.Log("both tenants were answered alike")
	}
}
