package inbox_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// crowd is a tenant with many conversations of every sort.
type crowd struct {
	w        *inboxtest.World
	acme     *inboxtest.Tenant
	in       *inbox.Inbox
	teams    []uuid.UUID
	accounts []uuid.UUID
	actors   []inbox.Actor
	all      []inbox.Conversation
}

func newCrowd(t *testing.T, size int) *crowd {
	w := inboxtest.New(t)
	k := &crowd{w: w, acme: w.Tenant("acme"), in: inbox.New(w.DB, time.Now)}
	k.teams = []uuid.UUID{k.acme.Team("sales"), k.acme.Team("support")}
	k.accounts = []uuid.UUID{
		k.acme.Account("s1", &k.teams[0]), k.acme.Account("s2", &k.teams[0]), k.acme.Account("h", &k.teams[1]), k.acme.Account("all", nil),
	}
	ada, bob := k.acme.Agent("ada", inbox.RoleAgent, k.teams[0]), k.acme.Agent("bob", inbox.RoleAgent)
	k.actors = []inbox.Actor{
		k.acme.As(ada, inbox.RoleAgent, k.accounts[0], k.accounts[1], k.accounts[3]), k.acme.As(bob, inbox.RoleAgent),
		k.acme.As(k.acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor),
		inbox.APIKeyActor(k.acme.ID, inboxtest.NewID(), []inbox.Scope{inbox.ScopeRead}),
	}
	holders := []*uuid.UUID{nil, nil, new(ada), new(bob)}
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var contact uuid.UUID
	for i := range size {
		if i%3 == 0 {
			contact = k.acme.Contact("Sam", fmt.Sprintf("+4915%d", i))
		}
		account := rng.IntN(len(k.accounts))
		c := inbox.Conversation{
			ID: inboxtest.NewID(), ContactID: contact, ChannelAccountID: k.accounts[account], Status: inbox.StatusResolved, Version: 1,
			AssigneeID: holders[rng.IntN(len(holders))], LastMessageAt: at.Add(time.Duration(rng.IntN(size/3)) * time.Second), CreatedAt: at,
			InboundCount: int64(rng.IntN(3)),
		}
		if account < 2 {
			c.TeamID = &k.teams[0]
		} else if account == 2 {
			c.TeamID = &k.teams[1]
		}
		c.ResolvedAt, c.ResolvedAtSeq = &at, new(int64)
		active := slices.ContainsFunc(k.all, func(o inbox.Conversation) bool {
			return o.Active() && o.ContactID == contact && o.ChannelAccountID == c.ChannelAccountID
		})
		if !active && i%2 == 0 {
			c.Status, c.ResolvedAt, c.ResolvedAtSeq = inbox.StatusOpen, nil, nil
		} else if !active && i%5 == 0 {
			c.Status, c.ResolvedAt, c.ResolvedAtSeq, c.SnoozedUntil = inbox.StatusSnoozed, nil, nil, &at
		}
		k.all = append(k.all, c)
	}
	must(t, w.DB.InTenant(t.Context(), k.acme.ID, func(tx inbox.Tx) error { return tx.InsertConversations(t.Context(), k.all) }))
	return k
}

// model returns what the list must hold, in order, written without SQL.
func (k *crowd) model(actor inbox.Actor, f inbox.ConversationFilter) []uuid.UUID {
	kept := slices.DeleteFunc(slices.Clone(k.all), func(c inbox.Conversation) bool {
		return !actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) ||
			len(f.Status) > 0 && !slices.Contains(f.Status, c.Status) ||
			f.Assignee == inbox.AssignedMine && !c.AssignedTo(actor.ID()) || f.Assignee == inbox.AssignedNobody && c.AssigneeID != nil ||
			f.ChannelAccountID != nil && *f.ChannelAccountID != c.ChannelAccountID ||
			f.TeamID != nil && (c.TeamID == nil || *c.TeamID != *f.TeamID) || f.ContactID != nil && *f.ContactID != c.ContactID
	})
	slices.SortFunc(kept, func(a, b inbox.Conversation) int {
		if n := b.LastMessageAt.Compare(a.LastMessageAt); n != 0 {
			return n
		}
		return slices.Compare(b.ID[:], a.ID[:])
	})
	ids := []uuid.UUID{}
	for _, c := range kept {
		ids = append(ids, c.ID)
	}
	return ids
}

// TestListsEqualTheModel pages through every mixture of viewer and filter, and counts each.
func TestListsEqualTheModel(t *testing.T) {
	t.Parallel()
	k := newCrowd(t, 160)
	stranger := inboxtest.NewID()
	for _, status := range [][]inbox.Status{nil, {inbox.StatusOpen}, {inbox.StatusSnoozed, inbox.StatusOpen, inbox.StatusOpen}} {
		for _, account := range []*uuid.UUID{nil, &k.accounts[0], &k.accounts[2], &stranger} {
			for _, team := range []*uuid.UUID{nil, &k.teams[0], &k.teams[1]} {
				for _, contact := range []*uuid.UUID{nil, &k.all[0].ContactID} {
					filter := inbox.ConversationFilter{Status: status, ChannelAccountID: account, TeamID: team, ContactID: contact}
					for i, actor := range k.actors {
						k.compare(t, i, actor, filter)
					}
				}
			}
		}
	}
}

func (k *crowd) compare(t *testing.T, i int, actor inbox.Actor, filter inbox.ConversationFilter) {
	t.Helper()
	sizes := map[inbox.AssigneeFilter]int64{}
	for _, assignee := range []inbox.AssigneeFilter{"", inbox.AssignedMine, inbox.AssignedNobody} {
		filter.Assignee = assignee
		want, got := k.model(actor, filter), []uuid.UUID{}
		for after := ""; ; {
			page, err := k.in.Conversations(t.Context(), actor, filter, 17, after, inbox.Beside{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Edges {
				got, after = append(got, e.Node.ID), e.Cursor
			}
			if !page.HasNext {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("actor %d, %+v: the list has %d items, the model %d, or another order", i, filter, len(got), len(want))
		}
		sizes[assignee] = int64(len(want))
	}
	counts, _, err := k.in.ConversationCounts(t.Context(), actor, filter)
	want := inbox.Counts{All: sizes[""], Mine: sizes[inbox.AssignedMine], Unassigned: sizes[inbox.AssignedNobody]}
	if err != nil || counts != want {
		t.Fatalf("actor %d, %+v: counts %+v, %v; want %+v", i, filter, counts, err, want)
	}
}

func TestBadgeEqualsTheModel(t *testing.T) {
	t.Parallel()
	k := newCrowd(t, 120)
	for i, c := range k.all { // every agent has read every third conversation: to the end, or one message less
		for _, a := range k.actors[:3] {
			if i%3 == 0 {
				k.w.Exec(`INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at)
					VALUES ($1, $2, $3, 1, $4, now())`, k.acme.ID.UUID(), a.ID(), c.ID, max(c.InboundCount-int64(i%2), 0))
			}
		}
	}
	var viewers []inbox.Visibility
	var ids []uuid.UUID
	for _, a := range k.actors[:3] {
		viewers = append(viewers, a.Visibility())
	}
	for _, c := range k.all {
		ids = append(ids, c.ID)
	}
	served, _, err := k.in.UnreadOf(t.Context(), k.acme.ID, viewers, ids)
	must(t, err)
	for i, a := range k.actors[:3] {
		want := inbox.Unread{ByConversation: map[uuid.UUID]int64{}}
		for n, c := range k.all {
			if !a.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) {
				continue
			}
			unread := c.InboundCount
			if n%3 == 0 {
				unread -= max(c.InboundCount-int64(n%2), 0)
			}
			want.ByConversation[c.ID] = unread
			if unread > 0 {
				want.Conversations++
			}
		}
		if !reflect.DeepEqual(served[i], want) {
			t.Errorf("viewer %d: badge %d, want %d; or a conversation differs", i, served[i].Conversations, want.Conversations)
		}
		badge, _, err := k.in.UnreadCount(t.Context(), a)
		if err != nil || badge != want.Conversations {
			t.Errorf("viewer %d: unreadCount %d, %v; want %d", i, badge, err, want.Conversations)
		}
		page, err := k.in.Conversations(t.Context(), a, inbox.ConversationFilter{}, 100, "", inbox.Beside{})
		must(t, err)
		for _, e := range page.Edges {
			if e.Unread != want.ByConversation[e.Node.ID] {
				t.Errorf("viewer %d: the list says %d unread, the model %d", i, e.Unread, want.ByConversation[e.Node.ID])
			}
		}
	}
}

func TestForeignPlacesAreRefused(t *testing.T) {
	t.Parallel()
	k := newCrowd(t, 30)
	boss := k.actors[2]
	page, err := k.in.Conversations(t.Context(), boss, inbox.ConversationFilter{}, 5, "", inbox.Beside{})
	must(t, err)
	place := page.Edges[4].Cursor
	other := k.w.Tenant("other")
	foreign := other.As(other.Agent("eve", inbox.RoleAdmin), inbox.RoleAdmin)
	open := inbox.ConversationFilter{Status: []inbox.Status{inbox.StatusOpen}}
	every := inbox.ConversationFilter{Status: []inbox.Status{inbox.StatusResolved, inbox.StatusOpen, inbox.StatusSnoozed}}
	for name, try := range map[string]struct {
		actor  inbox.Actor
		filter inbox.ConversationFilter
		first  int
		after  string
		want   fault.Code
	}{
		"the same list":           {boss, inbox.ConversationFilter{}, 5, place, ""},
		"the same filter written": {boss, every, 5, place, ""},
		"another filter":          {boss, open, 5, place, fault.Invalid},
		"another tenant":          {foreign, inbox.ConversationFilter{}, 5, place, fault.Invalid},
		"cut":                     {boss, inbox.ConversationFilter{}, 5, place[:len(place)-1], fault.Invalid},
		"longer":                  {boss, inbox.ConversationFilter{}, 5, place + "AA", fault.Invalid},
		"no base64":               {boss, inbox.ConversationFilter{}, 5, "%%%", fault.Invalid},
		"nothing on a page":       {boss, inbox.ConversationFilter{}, 0, "", fault.Invalid},
		"too much on a page":      {boss, inbox.ConversationFilter{}, 101, "", fault.Invalid},
		"no such status":          {boss, inbox.ConversationFilter{Status: []inbox.Status{"ASLEEP"}}, 5, "", fault.Invalid},
		"a key that only sends": {
			inbox.APIKeyActor(k.acme.ID, inboxtest.NewID(), []inbox.Scope{inbox.ScopeSend}), inbox.ConversationFilter{}, 5, "", fault.Forbidden,
		},
	} {
		if _, err := k.in.Conversations(t.Context(), try.actor, try.filter, try.first, try.after, inbox.Beside{}); fault.CodeOf(err) != try.want {
			t.Errorf("%s: %v, want %q", name, err, try.want)
		}
	}
}

// What is read beside a list is what the conversations point to, as the reads by id tell it, and nothing that was not wanted.
func TestRowsBesideAList(t *testing.T) {
	t.Parallel()
	k := newCrowd(t, 60)
	boss := k.actors[2]
	all := inbox.Beside{Contacts: true, Identities: true, Accounts: true, Assignees: true, Teams: true}
	page, err := k.in.Conversations(t.Context(), boss, inbox.ConversationFilter{}, 60, "", all)
	must(t, err)
	want := map[string]map[uuid.UUID]bool{"contact": {}, "account": {}, "agent": {}, "team": {}}
	for _, e := range page.Edges {
		want["contact"][e.Node.ContactID], want["account"][e.Node.ChannelAccountID] = true, true
		for noun, id := range map[string]*uuid.UUID{"agent": e.Node.AssigneeID, "team": e.Node.TeamID} {
			if id != nil {
				want[noun][*id] = true
			}
		}
	}
	contacts, err := k.in.ContactsOf(t.Context(), boss, slices.Collect(maps.Keys(want["contact"])))
	must(t, err)
	sameRows(t, page.Beside.Contacts, contacts, func(c inbox.Contact) uuid.UUID { return c.ID })
	accounts, err := k.in.ChannelAccountsOf(t.Context(), boss, slices.Collect(maps.Keys(want["account"])))
	must(t, err)
	sameRows(t, page.Beside.Accounts, accounts, func(a inbox.ChannelAccount) uuid.UUID { return a.ID })
	agents, err := k.in.AgentsOf(t.Context(), boss, slices.Collect(maps.Keys(want["agent"])))
	must(t, err)
	sameRows(t, page.Beside.Agents, agents, func(a inbox.Agent) uuid.UUID { return a.ID })
	teams, err := k.in.TeamsOf(t.Context(), boss, slices.Collect(maps.Keys(want["team"])))
	must(t, err)
	sameRows(t, page.Beside.Teams, teams, func(t inbox.Team) uuid.UUID { return t.ID })
	if len(page.Beside.Contacts[page.Edges[0].Node.ContactID].Identities) == 0 {
		t.Error("a contact came without its identities")
	}
	some, err := k.in.Conversations(t.Context(), boss, inbox.ConversationFilter{}, 60, "", inbox.Beside{Assignees: true})
	must(t, err)
	if b := some.Beside; b.Contacts != nil || b.Accounts != nil || b.Teams != nil || len(b.Agents) == 0 {
		t.Errorf("only assignees were wanted: %+v", b)
	}
}

func sameRows[V any](t *testing.T, got map[uuid.UUID]*V, want []V, id func(V) uuid.UUID) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d %T beside the list, want %d and some", len(got), *new(V), len(want))
	}
	for _, w := range want {
		if g := got[id(w)]; g == nil || !reflect.DeepEqual(*g, w) {
			t.Errorf("beside the list: %+v, want %+v", g, w)
		}
	}
}
