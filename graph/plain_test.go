package graph_test

import (
	"context"
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
	names := []string{`Ann "the \\ boss" O'Hara`, "tab\tand\nline", "<b>&amp;</b>", "Zoë 🙂\u2028", "\u0001", ""}
	for i, name := range names {
		account := []uuid.UUID{d.mine, d.theirs}[i%2]
		d.w.Exec(`UPDATE contacts SET name = $1 WHERE id = (SELECT contact_id FROM conversations WHERE id = $2)`, name, d.Conversation(account))
	}
	d.w.Exec(`UPDATE conversations SET assignee_id = $1, preview = 'said "yes"', last_inbound_at = now() WHERE tenant_id = $2 AND channel_account_id = $3`,
		d.kim.ID(), d.ID.UUID(), d.mine)
	d.w.Exec(`UPDATE contact_identities SET invalid_at = now(), invalid_reason = 'gone' WHERE tenant_id = $1 AND contact_id IN (SELECT contact_id FROM conversations WHERE channel_account_id = $2)`, d.ID.UUID(), d.mine)
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
	ctx := graph.WithActor(graphql.StartOperationTrace(t.Context()), actor, time.Time{})
	op, refused := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if refused != nil {
		t.Fatalf("%s: %v", document, refused)
	}
	respond, ctx := exec.DispatchOperation(ctx, op)
	response := respond(ctx)
	var failures []string
	for _, e := range response.Errors {
		failures = append(failures, fmt.Sprint(e.Path, e.Locations, e.Message))
	}
	slices.Sort(failures)
	return string(response.Data), slices.Compact(failures)
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

// shapes are the fields of each type: with the type of what they hold, or nothing for a leaf.
func shapes() map[string][][2]string {
	return map[string][][2]string{
		"Query":                  {{"conversations", "ConversationConnection"}},
		"ConversationConnection": {{"edges", "ConversationEdge"}, {"pageInfo", "PageInfo"}, {"cursor", ""}, {"edges", "ConversationEdge"}},
		"ConversationEdge":       {{"cursor", ""}, {"node", "Conversation"}, {"unreadCount", ""}, {"node", "Conversation"}},
		"PageInfo":               {{"hasNextPage", ""}, {"hasPreviousPage", ""}, {"startCursor", ""}, {"endCursor", ""}},
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
