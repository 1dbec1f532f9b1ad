package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

const everything = `id version lastSeq status preview createdAt lastMessageAt snoozedUntil resolvedAt followUpAt
	contact { id name version identities { kind value invalidAt invalidReason } } channelAccount { id name channel provider status team { id name } }
	assignee { id name email role } team { id name } replyWindow { open closesAt reason }
	messages(last: 10) { cursor pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id seq direction kind text label
		edited deleted forwarded reactions { emoji at } attachments { id filename mimeType size state url failedReason }
		location { latitude } contactCards { name } reply { title } order { items { productId } } referral { headline } template { name body }
		replyTo { id text } author { id name } status failure { code reason } hold { reason since until } attempts { number outcome }
		sentAt deliveredAt readAt retryOf retriedBy correlationId providerAt createdAt version raw } } }`

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.agent("ann", inbox.RoleAgent)
	const login = `mutation($in: LoginInput!) { login(input: $in) { accessToken refreshToken expiresAt viewer { teams { id } } } }`
	try := func(tenant, email, password string) reply {
		return s.ask(nil, login, map[string]any{"in": map[string]any{"tenant": tenant, "email": email, "password": password}})
	}
	var refusals []string
	for _, bad := range [][3]string{{"acme", "ann@acme.example", "wrong horse battery"}, {"acme", "bob@acme.example", password}, {"nobody", "ann@acme.example", password}} {
		got := try(bad[0], bad[1], bad[2])
		if got.code() != "UNAUTHENTICATED" {
			t.Errorf("%v: %s", bad, got.raw)
		}
		refusals = append(refusals, got.Errors[0].Message)
	}
	if refusals[0] != refusals[1] || refusals[1] != refusals[2] {
		t.Errorf("H13: the answers differ: %q", refusals)
	}
	pair := try("acme", "ANN@acme.example", password)
	const refresh = `mutation($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken viewer { agent { name } } } }`
	next := s.ask(nil, refresh, map[string]any{"t": pair.at("login.refreshToken")})
	if next.at("refresh.viewer.agent.name") != "ann" {
		t.Fatalf("refresh: %s", next.raw)
	}
	token := next.at("refresh.accessToken").(string)
	if got := s.ask(bearer(token), "{ viewer { agent { name role } tenant { id slug } } }", nil); got.at("viewer.agent.role") != "AGENT" {
		t.Errorf("viewer: %s", got.raw)
	}
	const logout = `mutation($t: String!) { logout(input: {refreshToken: $t}) { ok } }`
	if got := s.ask(nil, logout, map[string]any{"t": next.at("refresh.refreshToken")}); got.at("logout.ok") != true {
		t.Errorf("logout: %s", got.raw)
	}
	if got := s.ask(bearer(token), "{ viewer { agent { name } } }", nil); got.code() != "UNAUTHENTICATED" {
		t.Errorf("R45: after the sign-out: %s", got.raw)
	}
}

func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	const login = `mutation { login(input: {tenant: "acme", email: "x@acme.example", password: "wrong horse battery"}) { accessToken } }`
	for n := 1; n <= 6; n++ {
		got := s.ask(nil, login, nil)
		if limited := got.code() == "RATE_LIMITED"; limited != (n == 6) {
			t.Fatalf("H13: attempt %d: %s", n, got.raw)
		} else if limited && got.Errors[0].Extensions["retryAfter"] == nil {
			t.Errorf("no retryAfter: %s", got.raw)
		}
	}
}

func TestConversationOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	account := s.tenant.Account("Support", nil)
	conversation := s.tenant.Conversation(account)
	second := s.tenant.Inbound(conversation, "are you there?")
	annID := s.agent("ann", inbox.RoleAgent)
	s.agent("bob", inbox.RoleAgent)
	s.agent("sue", inbox.RoleSupervisor)
	ann, bob, sue := bearer(s.login("ann")), bearer(s.login("bob")), bearer(s.login("sue"))
	id := map[string]any{"id": conversation}

	list := s.ask(ann, `{ conversations(first: 2) { cursor pageInfo { hasNextPage } edges { cursor unreadCount node { `+everything+` } } }
		conversationCounts { mine unassigned all cursor } unreadCount { conversations cursor } channelAccounts { name team { id } }
		agents { name } teams { id } }`, nil)
	for path, want := range map[string]any{
		"conversations.edges.0.node.id":                              conversation.String(),
		"conversations.edges.0.unreadCount":                          2.0,
		"conversations.edges.0.node.preview":                         "are you there?",
		"conversations.edges.0.node.contact.identities.0.kind":       "PHONE",
		"conversations.edges.0.node.channelAccount.channel":          "WHATSAPP",
		"conversations.edges.0.node.replyWindow.reason":              "OPEN",
		"conversations.edges.0.node.messages.edges.0.node.text":      "hello",
		"conversations.edges.0.node.messages.edges.1.node.seq":       2.0,
		"conversations.edges.0.node.messages.edges.1.node.direction": "INBOUND",
		"conversationCounts.unassigned":                              1.0,
		"unreadCount.conversations":                                  1.0,
		"channelAccounts.0.name":                                     "Support",
		"agents.0.name":                                              "ann",
	} {
		if got := list.at(path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if len(list.Errors) != 0 {
		t.Fatalf("%s", list.raw)
	}

	claim := `mutation($id: ID!, $key: String) { claimConversation(input: {conversationId: $id, idempotencyKey: $key}) { conversation { assignee { name } version } } }`
	if got := s.ask(ann, claim, id); got.at("claimConversation.conversation.assignee.name") != "ann" {
		t.Fatalf("claim: %s", got.raw)
	}
	got := s.ask(bob, claim, id)
	holder, _ := got.Errors[0].Extensions["holder"].(map[string]any)
	if got.code() != "ALREADY_CLAIMED" || holder["id"] != annID.String() || holder["name"] != "ann" {
		t.Errorf("the second claim: %s", got.raw)
	}
	read := s.ask(ann, `mutation($id: ID!, $m: ID!) { markRead(input: {conversationId: $id, upToMessageId: $m}) { unreadCount conversation { id } } }`,
		map[string]any{"id": conversation, "m": second})
	if read.at("markRead.unreadCount") != 0.0 {
		t.Errorf("markRead: %s", read.raw)
	}
	stale := s.ask(ann, `mutation($id: ID!) { resolveConversation(input: {conversationId: $id, expectedLastSeq: 1}) { conversation { id } } }`, id)
	if stale.code() != "CONFLICT" || stale.Errors[0].Extensions["lastSeq"] != 2.0 {
		t.Errorf("resolve: %s", stale.raw)
	}
	reassign := `mutation($id: ID!, $a: ID!) { reassignConversation(input: {conversationId: $id, agentId: $a}) { conversation { assignee { id } } } }`
	if got := s.ask(ann, reassign, map[string]any{"id": conversation, "a": annID}); got.code() != "FORBIDDEN" {
		t.Errorf("reassign by an agent: %s", got.raw)
	}
	if got := s.ask(sue, reassign, map[string]any{"id": conversation, "a": annID}); len(got.Errors) != 0 {
		t.Errorf("reassign: %s", got.raw)
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	snoozed := s.ask(ann, `mutation($id: ID!, $u: Time!) { snoozeConversation(input: {conversationId: $id, until: $u}) { conversation { status snoozedUntil } } }`,
		map[string]any{"id": conversation, "u": until})
	if want := strings.Replace(until, "Z", ".000000Z", 1); snoozed.at("snoozeConversation.conversation.snoozedUntil") != want {
		t.Errorf("snooze until %s: %s", want, snoozed.raw)
	}
	for _, step := range []struct{ mutation, status string }{{"reopen", "OPEN"}, {"release", "OPEN"}, {"resolve", "RESOLVED"}, {"reopen", "OPEN"}} {
		got := s.ask(sue, `mutation($id: ID!) { `+step.mutation+`Conversation(input: {conversationId: $id}) { conversation { status assignee { id } } } }`, id)
		if got.at(step.mutation+"Conversation.conversation.status") != step.status {
			t.Errorf("%s: %s", step.mutation, got.raw)
		}
	}
}

func TestMessagesOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	account := s.tenant.Account("Support", nil)
	conversation := s.tenant.Conversation(account)
	first := s.tenant.Inbound(conversation, "one")
	s.agent("ann", inbox.RoleAgent)
	ann := bearer(s.login("ann"))
	s.Exec("UPDATE messages SET external_id = 'wamid.1', raw = '{\"a\":1}' WHERE id = $1", first)
	for i, mark := range [][2]string{{"REACTION", "👍"}, {"REACTION", "🎉"}, {"EDIT", "two"}} {
		s.Exec(`INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, text, external_id,
			raw, created_at) VALUES ($1, $2, $3, $4, 'wamid.1', $5, $6, $7, '{}', now() + $8 * interval '1 second')`,
			s.tenant.ID.UUID(), inboxtest.NewID(), account, conversation, mark[0], mark[1], fmt.Sprint("m", i), i)
	}
	s.Exec(`INSERT INTO attachments (tenant_id, id, message_id, channel_account_id, provider_media, filename, mime_type, size_bytes, blob_key,
		state, created_at) VALUES ($1, $2, $3, $4, '{"id":"x"}', 'a.png', 'image/png', 7, 'k', 'STORED', now())`,
		s.tenant.ID.UUID(), inboxtest.NewID(), first, account)
	send := `mutation($in: SendMessageInput!) { sendMessage(input: $in) { message { id status direction author { name } replyTo { text } attempts { number } hold { reason } } } }`
	sent := s.ask(ann, send, map[string]any{"in": map[string]any{"conversationId": conversation, "text": "hi", "replyToMessageId": first, "idempotencyKey": "k1"}})
	again := s.ask(ann, send, map[string]any{"in": map[string]any{"conversationId": conversation, "text": "hi", "replyToMessageId": first, "idempotencyKey": "k1"}})
	if sent.at("sendMessage.message.id") == nil || sent.at("sendMessage.message.id") != again.at("sendMessage.message.id") ||
		sent.at("sendMessage.message.replyTo.text") != "two" || sent.at("sendMessage.message.author.name") != "ann" {
		t.Fatalf("send: %s\nagain: %s", sent.raw, again.raw)
	}
	reused := s.ask(ann, send, map[string]any{"in": map[string]any{"conversationId": conversation, "text": "other", "idempotencyKey": "k1"}})
	if reused.code() != "IDEMPOTENCY_KEY_REUSED" || reused.Errors[0].Extensions["field"] != "idempotencyKey" {
		t.Errorf("reused key: %s", reused.raw)
	}
	both := s.ask(ann, send, map[string]any{"in": map[string]any{"conversationId": conversation, "text": "x", "template": map[string]any{"name": "a", "language": "en"}}})
	if both.code() != "INVALID" || both.Errors[0].Extensions["field"] != "template" {
		t.Errorf("text and template: %s", both.raw)
	}
	retry := s.ask(ann, `mutation($id: ID!) { retryMessage(input: {messageId: $id}) { message { id } } }`, map[string]any{"id": sent.at("sendMessage.message.id")})
	if retry.code() != "CONFLICT" {
		t.Errorf("retry of a queued message: %s", retry.raw)
	}
	thread := s.ask(ann, `query($id: ID!) { conversation(id: $id) { `+everything+` } }`, map[string]any{"id": conversation})
	for path, want := range map[string]any{
		"text": "two", "edited": true, "deleted": false, "reactions.0.emoji": "🎉", "reactions.1": nil, "raw": `{"a":1}`,
		"attachments.0.size": 7.0, "attachments.0.state": "STORED",
	} {
		if got := thread.at("conversation.messages.edges.1.node." + path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if url, _ := thread.at("conversation.messages.edges.1.node.attachments.0.url").(string); !strings.Contains(url, "/files/") {
		t.Errorf("url %q", url)
	}
	if thread.at("conversation.messages.edges.2.node.status") != "QUEUED" {
		t.Errorf("%s", thread.raw)
	}
	s.Exec("UPDATE conversations SET last_inbound_at = now() - interval '25 hours'")
	closed := s.ask(ann, send, map[string]any{"in": map[string]any{"conversationId": conversation, "text": "late"}})
	if closed.code() != "REPLY_WINDOW_CLOSED" {
		t.Errorf("outside the window: %s", closed.raw)
	}
}

func TestNotificationsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	account := s.tenant.Account("Support", nil)
	const send = `mutation($in: SendNotificationInput!) { sendNotification(input: $in) { message { id status correlationId template { name body } } conversation { id status contact { name } } } }`
	input := map[string]any{"in": map[string]any{
		"channelAccountId": account, "recipient": map[string]any{"phone": "+4915112345678", "name": "Kim"},
		"template": map[string]any{"name": "order", "language": "en_US", "body": []string{"7"}}, "correlationId": "order-7",
	}}
	apiKey := func(scopes ...string) http.Header { return http.Header{"X-Api-Key": {s.apiKey(scopes...)}} }
	sender := apiKey("notifications:send")
	got := s.ask(sender, send, input)
	if got.at("sendNotification.message.status") != "QUEUED" || got.at("sendNotification.conversation.contact.name") != "Kim" ||
		got.at("sendNotification.message.correlationId") != "order-7" {
		t.Fatalf("%s", got.raw)
	}
	if got := s.ask(apiKey("inbox:read"), send, input); got.code() != "FORBIDDEN" {
		t.Errorf("without the scope: %s", got.raw)
	}
	if got := s.ask(sender, "{ conversations { cursor } }", nil); got.code() != "FORBIDDEN" {
		t.Errorf("reading without the scope: %s", got.raw)
	}
}

// Another team's conversation, and another tenant's, is answered as one that does not exist. (H12)
func TestOthersConversationsAreNotThere(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	team := s.tenant.Team("Sales")
	conversation := s.tenant.Conversation(s.tenant.Account("Sales", &team))
	other := s.Tenant("other")
	foreign := other.Conversation(other.Account("Theirs", nil))
	s.agent("ann", inbox.RoleAgent)
	s.agent("sue", inbox.RoleSupervisor)
	ann, sue := bearer(s.login("ann")), bearer(s.login("sue"))
	const one = `query($id: ID!) { conversation(id: $id) { id } }`
	if got := s.ask(ann, one, map[string]any{"id": conversation}); string(got.raw) != `{"data":{"conversation":null}}` {
		t.Errorf("another team's: %s", got.raw)
	}
	if got := s.ask(sue, one, map[string]any{"id": conversation}); got.at("conversation.id") != conversation.String() {
		t.Errorf("a supervisor: %s", got.raw)
	}
	if got := s.ask(sue, one, map[string]any{"id": foreign}); string(got.raw) != `{"data":{"conversation":null}}` {
		t.Errorf("another tenant's: %s", got.raw)
	}
	if got := s.ask(ann, "{ alerts { cursor } }", nil); got.code() != "FORBIDDEN" {
		t.Errorf("alerts: %s", got.raw)
	}
	if got := s.ask(sue, "{ alerts { cursor alerts { id kind channelAccount { id } } } }", nil); got.at("alerts.cursor") == nil {
		t.Errorf("alerts: %s", got.raw)
	}
	mixed := bearer(s.login("ann"))
	mixed.Set("X-Api-Key", s.apiKey("inbox:read"))
	if got := s.ask(mixed, "{ viewer { agent { name } } }", nil); got.at("viewer.agent.name") != "ann" {
		t.Errorf("two credentials of one tenant: %s", got.raw)
	}
}

// However long a list is, its fields are read in the same number of statements.
func TestListsAreReadInSets(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	team := s.tenant.Team("Sales")
	ann := s.agent("ann", inbox.RoleSupervisor, team)
	for n := range 12 {
		account := s.tenant.Account(fmt.Sprint("Account ", n), &team)
		conversation := s.tenant.Conversation(account)
		s.Exec("UPDATE conversations SET assignee_id = $1 WHERE id = $2", ann, conversation)
		s.Exec("UPDATE messages SET external_id = 'wamid.' || id, reply_to = 'wamid.' || id WHERE conversation_id = $1", conversation)
	}
	token := bearer(s.login("ann"))
	query := `query($n: Int!) { conversations(first: $n) { edges { unreadCount node { id assignee { name } team { name } contact { name identities { value } }
		channelAccount { name team { name } } replyWindow { open } messages(last: 2) { edges { node { text reactions { emoji } attachments { id }
		replyTo { text attachments { id } replyTo { text } } author { name } raw attempts { number } retriedBy } } } } } } }`
	count := func(n int) int64 {
		before := s.statements.Load()
		got := s.ask(token, query, map[string]any{"n": n})
		if edges, _ := got.at("conversations.edges").([]any); len(edges) != n {
			t.Fatalf("%d: %s", n, got.raw)
		}
		return s.statements.Load() - before
	}
	// Now and then the caller is looked up again; the fewest of some tries are what the list itself takes.
	fewest := func(n int) int64 { return min(count(n), count(n), count(n)) }
	few, many := fewest(2), fewest(12)
	if many > few || few == 0 {
		t.Fatalf("%d statements for 2 conversations, %d for 12", few, many)
	}
	t.Logf("%d statements", many)
}

// What a changed conversation points to is read with the change, and not by transactions of its own.
func TestAnAnswerIsReadWithTheChange(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	team := s.tenant.Team("Sales")
	s.agent("ann", inbox.RoleSupervisor, team)
	account := s.tenant.Account("Main", &team)
	token := bearer(s.login("ann"))
	count := func(fields string) int64 {
		conversation := s.tenant.Conversation(account)
		before := s.statements.Load()
		got := s.ask(token, "mutation($in: ClaimConversationInput!) { claimConversation(input: $in) { conversation { "+fields+" } } }",
			map[string]any{"in": map[string]any{"conversationId": conversation}})
		if got.at("claimConversation.conversation.id") != conversation.String() {
			t.Fatal(got.raw)
		}
		if strings.Contains(fields, "assignee") && got.at("claimConversation.conversation.assignee.name") != "ann" {
			t.Errorf("the holder is not told: %s", got.raw)
		}
		return s.statements.Load() - before
	}
	fewest := func(fields string) int64 { return min(count(fields), count(fields), count(fields)) }
	few := fewest("id version")
	many := fewest("id contact { name identities { value } } channelAccount { name } replyWindow { open } assignee { name } team { name }")
	if many != few+5 { // contacts, identities, accounts, agents, teams
		t.Errorf("%d statements for a claim alone, %d with what its answer asks for", few, many)
	}
}

// What befalls messages later is not looked for when one was made just now; a repeated call looks for it.
func TestANewMessageIsNotLookedInto(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.agent("ann", inbox.RoleSupervisor)
	conversation := s.tenant.Conversation(s.tenant.Account("Main", nil))
	token, no := bearer(s.login("ann")), 0
	ask := func(key, fields string) (int64, reply) {
		before := s.statements.Load()
		got := s.ask(token, "mutation($in: SendMessageInput!) { sendMessage(input: $in) { message { "+fields+" } } }",
			map[string]any{"in": map[string]any{"conversationId": conversation, "text": "Hello", "idempotencyKey": key}})
		if got.at("sendMessage.message.id") == nil {
			t.Fatal(got.raw)
		}
		return s.statements.Load() - before, got
	}
	fewest := func(fields string) (least int64) {
		for range 3 {
			no++
			if n, _ := ask(fmt.Sprint("key ", no), fields); least == 0 || n < least {
				least = n
			}
		}
		return least
	}
	const later = "id text edited deleted reactions { emoji } attachments { id } retriedBy attempts { number }"
	few, many := fewest("id"), fewest(later)
	if many != few {
		t.Errorf("%d statements for a message alone, %d with what befalls it later", few, many)
	}
	s.Exec("INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome, recipient) " +
		"SELECT tenant_id, gen_random_uuid(), id, channel_account_id, 1, now(), 'SENDING', '' FROM messages WHERE direction = 'OUTBOUND'")
	if _, again := ask(fmt.Sprint("key ", no), later); fmt.Sprint(again.at("sendMessage.message.attempts")) == "[]" {
		t.Errorf("the repeated call does not see the attempt: %s", again.raw)
	}
}
