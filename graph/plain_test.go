package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// Whatever is asked of a list, what we write ourselves is what the generated executor writes: values, nulls, errors and their places.
func TestListsAreWrittenAsGenerated(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	fillDesk(d)
	at := time.Now()
	resolver := graph.NewResolver(d.inbox, outbound.New(d.db.Outbound(), outbound.Config{}), nil, nil, func() time.Time { return at })
	whole, generated := graph.Executors(resolver, resolver)
	broken, generatedBroken := graph.Executors(resolver, brokenRoot{resolver})
	random := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for range 400 {
		document := newAsker(random).document()
		variables := map[string]any{"yes": true, "no": false}
		same(t, d.boss, document, variables, whole, generated)
		failed += same(t, d.kim, document, variables, broken, generatedBroken)
	}
	if failed < 100 {
		t.Errorf("only %d answers had errors: nulls are not tested", failed)
	}
}

// fillDesk gives the desk conversations whose texts are hard to write.
func fillDesk(d *desk) (conversations []uuid.UUID) {
	names := []string{`Ann "the \\ boss" O'Hara`, "tab\tand\nline", "<b>&amp;</b>", "Zoë 🙂\u2028", "\u0001", ""}
	for i, name := range names {
		account := []uuid.UUID{d.mine, d.theirs}[i%2]
		conversations = append(conversations, d.Conversation(account))
		d.w.Exec(`UPDATE contacts SET name = $1 WHERE id = (SELECT contact_id FROM conversations WHERE id = $2)`, name, conversations[i])
	}
	d.w.Exec(`UPDATE conversations SET assignee_id = $1, preview = 'said "yes"', last_inbound_at = now() WHERE tenant_id = $2 AND channel_account_id = $3`,
		d.kim.ID(), d.ID.UUID(), d.mine)
	d.w.Exec(`UPDATE contact_identities SET invalid_at = now(), invalid_reason = 'gone' WHERE tenant_id = $1 AND contact_id IN (SELECT contact_id FROM conversations WHERE channel_account_id = $2)`, d.ID.UUID(), d.mine)
	return conversations
}

// What is sent of an event is what the generated executor writes, whatever is asked of it and whether or not it is written without the executor.
func TestEventsAreWrittenAsGenerated(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var events []inbox.Event
	for _, id := range fillDesk(d) {
		events = append(events, inbox.Event{ConversationID: &id})
	}
	snapshot, err := d.db.Stream().Snapshot(t.Context(), d.ID, events, inbox.WholeReach())
	if err != nil {
		t.Fatal(err)
	}
	resolver := graph.NewResolver(d.inbox, outbound.New(d.db.Outbound(), outbound.Config{}), nil, nil, time.Now)
	roots := []gen.ResolverRoot{resolver, brokenRoot{resolver}}
	random := rand.New(rand.NewPCG(3, 4))
	written, failed := 0, 0
	for i := range 400 {
		document := newAsker(random).subscription()
		op := operationOf(t, d.executor, document, map[string]any{"yes": true, "no": false})
		item := anyItem(random, snapshot)
		ours, generated, alone := graph.Shown(t.Context(), resolver, roots[i%2], d.ID, op, item, snapshot)
		if whole, wanted := sorted(t, ours), sorted(t, generated); whole != wanted {
			t.Fatalf("%s\nof %+v\nours: %s\ngenerated: %s", document, item, whole, wanted)
		}
		if alone {
			written++
		}
		if strings.Contains(string(generated), `"errors"`) {
			failed++
		}
	}
	if written < 200 || failed < 50 || written+failed != 400 {
		t.Errorf("%d of 400 events were written without the executor, and %d had errors", written, failed)
	}
}

// anyItem makes up an item of conversationEvents.
func anyItem(random *rand.Rand, snapshot *inbox.Snapshot) any {
	if random.IntN(10) == 0 {
		return gen.Resync{Reason: gen.ResyncReasonTooSlow, Cursor: "abc.1"}
	}
	event := gen.ConversationEvent{Cursor: "abc.7", Kind: inbox.EventMessageCreated, At: time.Unix(1, 2000), Membership: gen.MembershipEntered,
		After: &gen.ConversationState{Status: inbox.StatusOpen}}
	for id, c := range snapshot.Conversations {
		event.ConversationID, event.Conversation = id, c
		break
	}
	if random.IntN(4) == 0 {
		event.Conversation = nil
	}
	if random.IntN(2) == 0 {
		cause := "AGENT"
		event.Cause, event.MessageID = &cause, &event.ConversationID
		event.Before = &gen.ConversationState{Status: inbox.StatusResolved, AssigneeID: &event.ConversationID, TeamID: event.MessageID}
	}
	return event
}

// sorted returns a response whose errors are in one order: the executor finds them in any.
func sorted(t *testing.T, payload []byte) string {
	t.Helper()
	var response struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(payload, &response); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	slices.SortFunc(response.Errors, func(a, b json.RawMessage) int { return strings.Compare(string(a), string(b)) })
	return fmt.Sprintf("%s %s", response.Data, response.Errors)
}

// same compares two answers and returns 1 when they hold errors.
func same(t *testing.T, actor inbox.Actor, document string, variables map[string]any, ours, generated *executor.Executor) int {
	t.Helper()
	data, failures := answerOf(t, actor, document, variables, ours)
	wantData, wantFailures := answerOf(t, actor, document, variables, generated)
	if data != wantData || !slices.Equal(failures, wantFailures) {
		t.Fatalf("%s\nours: %s\n%q\ngenerated: %s\n%q", document, data, failures, wantData, wantFailures)
	}
	return min(len(failures), 1)
}

func answerOf(t *testing.T, actor inbox.Actor, document string, variables map[string]any, exec *executor.Executor) (string, []string) {
	t.Helper()
	ctx := graph.WithActor(t.Context(), actor, time.Time{})
	respond, ctx := exec.DispatchOperation(ctx, operationOf(t, exec, document, variables))
	response := respond(ctx)
	var failures []string
	for _, e := range response.Errors {
		failures = append(failures, fmt.Sprint(e.Path, e.Locations, e.Message))
	}
	slices.Sort(failures)
	return string(response.Data), slices.Compact(failures)
}

func operationOf(t *testing.T, exec *executor.Executor, document string, variables map[string]any) *graphql.OperationContext {
	t.Helper()
	ctx := graphql.StartOperationTrace(t.Context())
	op, refused := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if refused != nil {
		t.Fatalf("%s: %v", document, refused)
	}
	return op
}

// brokenRoot resolves some fields to errors, nulls and panics.
type brokenRoot struct{ *graph.Resolver }

func (b brokenRoot) Conversation() gen.ConversationResolver {
	return brokenConversations{b.Resolver.Conversation()}
}

type brokenConversations struct{ gen.ConversationResolver }

var errBroken = errors.New("broken")

func (b brokenConversations) Assignee(ctx context.Context, c *inbox.Conversation) (*inbox.Agent, error) {
	if c.ID[15]%2 == 0 {
		return nil, errBroken // the field may be null
	}
	return b.ConversationResolver.Assignee(ctx, c)
}

func (b brokenConversations) ReplyWindow(context.Context, *inbox.Conversation) (*inbox.ReplyWindow, error) {
	return nil, errBroken // the field may not be null
}

// asker makes up selections of what a list holds.
type asker struct {
	*rand.Rand
	aliases   int
	fragments []string
}

func newAsker(r *rand.Rand) *asker { return &asker{Rand: r} }

func (a *asker) document() string {
	roots := "{ __typename @include(if: $yes) @skip(if: $no) ... on Query " + a.set("Query", 1) + "}"
	return "query($yes: Boolean!, $no: Boolean!) " + roots + strings.Join(a.fragments, "")
}

// subscription asks for conversationEvents, in its own words too.
func (a *asker) subscription() string {
	field := []string{"", "news: "}[a.IntN(2)] + "conversationEvents {" + []string{"", " __typename", " what: __typename"}[a.IntN(3)]
	for _, of := range []string{"ConversationEvent", "Resync", "ConversationEvent"} {
		field += " ... on " + of + a.set(of, 1)
	}
	field += " ... on ConversationEvent { subject: conversation" + a.set("Conversation", 5) + "}"
	return "subscription($yes: Boolean!, $no: Boolean!) { " + field + " __typename @include(if: $yes) @skip(if: $no) } }" + strings.Join(a.fragments, "")
}

// shapes are the fields of each type: with the type of what they hold, or nothing for a leaf.
func shapes() map[string][][2]string {
	return map[string][][2]string{
		"Query":                  {{"conversations", "ConversationConnection"}},
		"ConversationConnection": {{"edges", "ConversationEdge"}, {"pageInfo", "PageInfo"}, {"cursor", ""}, {"edges", "ConversationEdge"}},
		"ConversationEdge":       {{"cursor", ""}, {"node", "Conversation"}, {"unreadCount", ""}, {"node", "Conversation"}},
		"ConversationEvent": {{"cursor", ""}, {"kind", ""}, {"at", ""}, {"conversationId", ""}, {"membership", ""}, {"conversation", "Conversation"},
			{"messageId", ""}, {"cause", ""}, {"before", "ConversationState"}, {"after", "ConversationState"}, {"conversation", "Conversation"}},
		"ConversationState": {{"status", ""}, {"assigneeId", ""}, {"teamId", ""}},
		"Resync":            {{"reason", ""}, {"cursor", ""}},
		"PageInfo":          {{"hasNextPage", ""}, {"hasPreviousPage", ""}, {"startCursor", ""}, {"endCursor", ""}},
		"Conversation": {{"id", ""}, {"contact", "Contact"}, {"channelAccount", "ChannelAccount"}, {"status", ""}, {"assignee", "Agent"},
			{"team", "Team"}, {"version", ""}, {"lastSeq", ""}, {"lastMessageAt", ""}, {"preview", ""}, {"replyWindow", "ReplyWindow"},
			{"snoozedUntil", ""}, {"resolvedAt", ""}, {"followUpAt", ""}, {"createdAt", ""}},
		"Contact":         {{"id", ""}, {"name", ""}, {"version", ""}, {"identities", "ContactIdentity"}},
		"ContactIdentity": {{"kind", ""}, {"value", ""}, {"invalidAt", ""}, {"invalidReason", ""}},
		"ChannelAccount":  {{"id", ""}, {"name", ""}, {"channel", ""}, {"status", ""}, {"team", "Team"}},
		"Agent":           {{"id", ""}, {"name", ""}, {"email", ""}, {"role", ""}},
		"Team":            {{"id", ""}, {"name", ""}},
		"ReplyWindow":     {{"open", ""}, {"closesAt", ""}, {"reason", ""}},
	}
}

func (a *asker) set(of string, least int) string {
	fields, text := shapes()[of], "{"
	for range least + a.IntN(4) {
		f := fields[a.IntN(len(fields))]
		part := f[0]
		if a.IntN(4) == 0 || f[1] != "" {
			a.aliases++
			part = fmt.Sprintf("a%d: %s", a.aliases, f[0])
		}
		part += []string{"", "", "", " @include(if: $yes)", " @skip(if: $no)", " @include(if: $no)"}[a.IntN(6)]
		if f[1] != "" {
			part += a.set(f[1], 1)
		}
		switch a.IntN(7) {
		case 0:
			part = "... on " + of + " {" + part + "}"
		case 1:
			name := fmt.Sprintf("F%d", len(a.fragments))
			a.fragments = append(a.fragments, " fragment "+name+" on "+of+" {"+part+"}")
			part = "..." + name
		case 2:
			part += " __typename"
		}
		text += " " + part
	}
	return text + " }"
}
