package graph_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const listQuery = `subscription List($filter: ConversationFilter, $after: Cursor) {
	conversationEvents(filter: $filter, after: $after) { __typename
		... on Resync { reason cursor }
		... on ConversationEvent { cursor kind membership conversationId messageId
			conversation { id version preview status
				contact { name identities { kind value } } assignee { name } team { name } channelAccount { name team { name } } replyWindow { open }
			} } } }`

const threadQuery = `subscription Thread($id: ID!, $after: Cursor) {
	messageEvents(conversationId: $id, after: $after) { __typename
		... on Resync { reason cursor }
		... on MessageEvent { cursor kind statusAfter
			message { id seq text status author { name } attachments { id } reactions { emoji } replyTo { id } retriedBy } } } }`

func mineOnly(assignee string) map[string]any {
	return map[string]any{"filter": map[string]any{"assignee": assignee}}
}

// P5: what a change costs in reads is the same for 2 and for 1,000 subscribers, whatever they select; and they share one rendering.
func TestACohortSharesReadsAndBytes(t *testing.T) {
	t.Parallel()
	const changes = 10
	cost := func(subscribers int) (reads int64) {
		d := newDesk(t)
		conversation := d.Conversation(d.mine)
		lists, threads := make([]*box, subscribers/2), make([]*box, subscribers/2)
		for i := range lists {
			actor := []inbox.Actor{d.kim, d.max, d.boss}[i%3]
			lists[i] = d.follow(actor, listQuery, nil)
			threads[i] = d.follow(actor, threadQuery, map[string]any{"id": conversation.String()})
		}
		for i := range changes {
			before := d.reads.Load()
			d.say(conversation, fmt.Sprint("change ", i))
			for _, b := range slices.Concat(lists, threads) {
				b.await(t, "the change", func() bool { return len(b.payloads) == i+1 })
			}
			reads = max(reads, d.reads.Load()-before)
		}
		for _, group := range [][]*box{lists, threads} {
			for _, b := range group {
				for i := range changes {
					if &b.payloads[i][0] != &group[0].payloads[i][0] {
						t.Fatalf("change %d was rendered more than once", i)
					}
				}
			}
		}
		item := lists[0].item(t, changes-1)
		shown := item["conversation"].(map[string]any)
		if shown["preview"] != fmt.Sprint("change ", changes-1) || shown["contact"].(map[string]any)["name"] != "Sam" ||
			shown["team"].(map[string]any)["name"] != "sales" || item["membership"] != "STAYED" {
			t.Errorf("the list shows %v", item)
		}
		if m := threads[0].item(t, changes-1)["message"].(map[string]any); m["text"] != fmt.Sprint("change ", changes-1) {
			t.Errorf("the thread shows %v", m)
		}
		return reads
	}
	if few, many := cost(2), cost(1000); few != 1 || many != 1 {
		t.Errorf("a change cost %d reads for 2 subscribers and %d for 1,000, want 1", few, many)
	}
}

// Only those who ask for the same and may see the same share bytes. (H14)
func TestCohortsAreApartWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	kim := d.kim.ID()
	d.w.Exec("UPDATE conversations SET assignee_id = $1", kim)
	after := d.follow(d.kim, listQuery, nil) // the same as `all`, spelt otherwise
	all := d.follow(d.kim, "subscription Other { conversationEvents { __typename ... on ConversationEvent { cursor kind } } }", nil)
	aliased := d.follow(d.kim, `subscription { a: conversationEvents { __typename ... on ConversationEvent { cursor kind } } }`, nil)
	fragment := d.follow(d.max, `subscription X { ...F } fragment F on Subscription { conversationEvents {
		__typename ... on ConversationEvent { cursor kind } } }`, nil)
	mine, his := d.follow(d.kim, listQuery, mineOnly("MINE")), d.follow(d.max, listQuery, mineOnly("MINE"))
	d.say(conversation, "hello")
	for name, b := range map[string]*box{"list": after, "all": all, "aliased": aliased, "fragment": fragment, "mine": mine} {
		b.await(t, name, func() bool { return len(b.payloads) == 1 })
	}
	if &all.payloads[0][0] != &fragment.payloads[0][0] {
		t.Error("the same selection in a fragment was rendered again")
	}
	for name, other := range map[string]*box{"selection": after, "alias": aliased} {
		if string(all.payloads[0]) == string(other.payloads[0]) {
			t.Errorf("another %s got the same bytes %s", name, other.payloads[0])
		}
	}
	d.record(inbox.Event{Kind: inbox.EventConversationAssigned, ActorKind: inbox.ActorSystem, ConversationID: &conversation, ChannelAccountID: &d.mine,
		StatusBefore: inbox.StatusOpen, StatusAfter: inbox.StatusOpen, AssigneeBefore: &kim})
	if left := mine.item(t, 1); left["membership"] != "LEFT" {
		t.Errorf("%v", left)
	}
	if len(his.payloads) != 0 {
		t.Errorf("the other agent's own list got %s", his.payloads[0])
	}
}

// Two tenants who follow the same in the same words are each shown what is their own. (H14)
func TestCohortsOfTenantsAreApart(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	desks := map[*inboxtest.Tenant]*box{d.Tenant: d.follow(d.boss, alertQuery, nil)}
	d.Tenant = d.w.Tenant("rival")
	desks[d.Tenant] = d.follow(d.signIn(d.Agent("lee", inbox.RoleSupervisor), inbox.RoleSupervisor), alertQuery, nil)
	for tenant, b := range desks {
		d.Tenant = tenant
		alert := inboxtest.NewID()
		d.w.Exec(`INSERT INTO alerts (tenant_id, id, kind, subject_id, message, opened_at) VALUES ($1, $2, 'STUCK', $2, 'x', now())`, d.ID.UUID(), alert)
		d.record(inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert})
		item := b.item(t, 0)
		if shown, _ := item["alert"].(map[string]any); shown["id"] != alert.String() {
			t.Errorf("%s is shown %v instead of its alert %s", tenant.Slug, item, alert)
		}
	}
}

// R41: a database that lost its last commits may give their numbers to others under the same epoch. What was rendered of the lost ones is not
// sent for those.
func TestANumberThatCameAnewIsRenderedAnew(t *testing.T) {
	t.Parallel()
	at, one, other := time.Now(), uuid.New(), uuid.New()
	item := func(at time.Time, conversation, message *uuid.UUID) *live.Item {
		return &live.Item{Epoch: "e", Event: inbox.Event{Seq: 7, At: at, ConversationID: conversation, MessageID: message}}
	}
	lost, same := item(at, &one, &one), one
	if !graph.Shared(lost, item(at, &same, &same)) {
		t.Error("an item that is read again is rendered again")
	}
	for name, anew := range map[string]*live.Item{
		"time": item(at.Add(time.Microsecond), &one, &one), "conversation": item(at, &other, &one), "message": item(at, &one, nil),
	} {
		if graph.Shared(lost, anew) {
			t.Errorf("an event with another %s is sent as the lost one", name)
		}
	}
}

// Clients that resume with different cursors share what both still need.
func TestResumingClientsShareRenderings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	first := d.follow(d.kim, listQuery, nil)
	for i := range 5 {
		d.say(conversation, fmt.Sprint(i))
	}
	first.await(t, "all", func() bool { return len(first.payloads) == 5 })
	for skip := range 5 {
		cursor := first.item(t, skip)["cursor"]
		again := d.follow(d.max, listQuery, map[string]any{"after": cursor})
		again.await(t, "the rest", func() bool { return len(again.payloads) == 4-skip })
		for i, payload := range again.payloads {
			if &payload[0] != &first.payloads[skip+1+i][0] {
				t.Errorf("item %d after item %d was rendered anew", i, skip)
			}
		}
	}
}

// What a change means for a list, told from the event alone.
func TestMembership(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	foreign := d.Conversation(d.theirs)
	kim, max := d.kim.ID(), d.max.ID()
	team := d.Team("other")
	type state struct {
		status   inbox.Status
		assignee *uuid.UUID
		team     *uuid.UUID
	}
	open, done := inbox.StatusOpen, inbox.StatusResolved
	for name, test := range map[string]struct {
		filter        map[string]any
		foreign       bool
		before, after state
		want          string // "" for nothing; a ! behind it: without the conversation
	}{
		"new":                  {nil, false, state{}, state{status: open}, "ENTERED"},
		"within":               {nil, false, state{status: open}, state{status: done}, "STAYED"},
		"unseen":               {nil, true, state{status: open}, state{status: open, assignee: &max}, ""},
		"given to me":          {nil, true, state{status: open}, state{status: open, assignee: &kim}, "ENTERED!"},
		"taken from me":        {nil, true, state{status: open, assignee: &kim}, state{status: open, assignee: &max}, "LEFT!"},
		"status enters":        {map[string]any{"status": []string{"RESOLVED"}}, false, state{status: open}, state{status: done}, "ENTERED"},
		"status leaves":        {map[string]any{"status": []string{"OPEN"}}, false, state{status: open}, state{status: done}, "LEFT"},
		"status neither":       {map[string]any{"status": []string{"SNOOZED"}}, false, state{status: open}, state{status: done}, ""},
		"status any of two":    {map[string]any{"status": []string{"OPEN", "RESOLVED"}}, false, state{status: open}, state{status: done}, "STAYED"},
		"claimed, unassigned":  {map[string]any{"assignee": "UNASSIGNED"}, false, state{status: open}, state{status: open, assignee: &max}, "LEFT"},
		"released, unassigned": {map[string]any{"assignee": "UNASSIGNED"}, false, state{status: open, assignee: &max}, state{status: open}, "ENTERED"},
		"claimed by me, mine":  {map[string]any{"assignee": "MINE"}, false, state{status: open}, state{status: open, assignee: &kim}, "ENTERED"},
		"claimed by him, mine": {map[string]any{"assignee": "MINE"}, false, state{status: open}, state{status: open, assignee: &max}, ""},
		"handed over, mine":    {map[string]any{"assignee": "MINE"}, false, state{status: open, assignee: &kim}, state{status: open, assignee: &max}, "LEFT"},
		"my team":              {map[string]any{"teamId": team.String()}, false, state{status: open}, state{status: open, team: &team}, "ENTERED"},
		"this account":         {map[string]any{"channelAccountId": d.mine.String()}, false, state{status: open}, state{status: open}, "STAYED"},
		"another account":      {map[string]any{"channelAccountId": d.theirs.String()}, false, state{status: open}, state{status: open}, ""},
		"another contact":      {map[string]any{"contactId": inbox.SystemActor(d.ID).Tenant().String()}, false, state{status: open}, state{status: open}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id, account := &conversation, &d.mine
			if test.foreign {
				id, account = &foreign, &d.theirs
			}
			b := d.follow(d.kim, listQuery, map[string]any{"filter": test.filter})
			all := d.follow(d.boss, listQuery, nil)
			d.record(inbox.Event{Kind: inbox.EventConversationAssigned, ActorKind: inbox.ActorSystem, ConversationID: id, ChannelAccountID: account,
				StatusBefore: test.before.status, AssigneeBefore: test.before.assignee, TeamBefore: test.before.team,
				StatusAfter: test.after.status, AssigneeAfter: test.after.assignee, TeamAfter: test.after.team})
			all.await(t, "the supervisor's item", func() bool { return len(all.payloads) == 1 })
			if test.want == "" {
				d.record(fence(conversation, d.mine)) // the next thing he gets is this
				d.kimSeesAll(all)
				if b.count() > 0 && b.item(t, 0)["kind"] == "CONVERSATION_ASSIGNED" {
					t.Errorf("got %v", b.item(t, 0))
				}
				return
			}
			item := b.item(t, 0)
			got := item["membership"].(string)
			if item["conversation"] == nil {
				got += "!"
			}
			if got != test.want {
				t.Errorf("got %s, want %s: %v", got, test.want, item)
			}
		})
	}
}

func fence(conversation, account uuid.UUID) inbox.Event {
	return inbox.Event{Kind: inbox.EventConversationFlagged, ActorKind: inbox.ActorSystem, ConversationID: &conversation, ChannelAccountID: &account,
		StatusBefore: inbox.StatusOpen, StatusAfter: inbox.StatusOpen}
}

// kimSeesAll waits until the fence has been offered to everybody: the hub offers an item to all before the next.
func (d *desk) kimSeesAll(all *box) {
	d.t.Helper()
	all.await(d.t, "the fence", func() bool { return len(all.payloads) >= 2 })
	d.record(fence(d.Conversation(d.mine), d.mine))
	all.await(d.t, "what follows the fence", func() bool { return len(all.payloads) >= 3 })
}
