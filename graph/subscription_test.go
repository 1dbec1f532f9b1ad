package graph_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

const (
	unreadQuery = `subscription($after: Cursor) { unreadCountEvents(after: $after) { __typename
		... on Resync { reason cursor } ... on UnreadCountEvent { cursor conversations changed { conversationId unreadCount } } } }`
	countsQuery = `subscription($filter: ConversationFilter, $after: Cursor) { conversationCountEvents(filter: $filter, after: $after) {
		__typename ... on Resync { reason } ... on ConversationCountEvent { cursor counts { mine unassigned all cursor } } } }`
	alertQuery = `subscription($after: Cursor) { alertEvents(after: $after) { __typename
		... on Resync { reason cursor } ... on AlertEvent { cursor alert { id kind message channelAccount { name } } } } }`
)

// number awaits an item whose field has the value, and returns it.
func (b *box) number(t *testing.T, what string, pick func(map[string]any) any, want float64) map[string]any {
	t.Helper()
	for n := 0; ; n++ {
		b.await(t, what, func() bool { return len(b.payloads) > n })
		if item := b.item(t, n); pick(item) == want {
			return item
		}
	}
}

func unreadOf(item map[string]any) any { return item["conversations"] }

func countOf(tab string) func(map[string]any) any {
	return func(item map[string]any) any { return item["counts"].(map[string]any)[tab] }
}

// A subscription of messages needs sight of the conversation, and ends with it, in the same moment.
func TestMessageEventsNeedSight(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	theirs := d.Conversation(d.theirs)
	kim := d.kim.ID()
	for name, id := range map[string]uuid.UUID{"not visible": theirs, "not there": inboxtest.NewID()} {
		if _, err := d.open(d.kim, threadQuery, map[string]any{"id": id.String()}, newBox()); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.w.Exec("UPDATE conversations SET assignee_id = $2 WHERE id = $1", theirs, kim)
	b := d.follow(d.kim, threadQuery, map[string]any{"id": theirs.String()})
	message := d.say(theirs, "for kim")
	if shown := b.item(t, 0)["message"].(map[string]any); shown["id"] != message.String() || shown["text"] != "for kim" {
		t.Errorf("shown %v", shown)
	}
	err := d.db.InTenant(t.Context(), d.ID, func(tx inbox.Tx) error {
		locked, err := tx.LockConversations(t.Context(), []uuid.UUID{theirs})
		if err != nil {
			return err
		}
		before := locked[0]
		locked[0].AssigneeID = nil
		locked[0].Version++
		tx.Record(inbox.ConversationEvent(inbox.EventConversationAssigned, d.boss, &before, &locked[0], time.Now().UTC()))
		return tx.UpdateConversations(t.Context(), locked)
	})
	if err != nil {
		t.Fatal(err)
	}
	d.say(theirs, "not for kim")
	b.await(t, "the end", func() bool { return b.complete == 1 })
	if len(b.payloads) != 1 {
		t.Errorf("saw %s after losing sight", b.payloads[1])
	}
}

// An API key that may only send follows what it sent itself, and sees nothing else of the conversation.
func TestASendingKeyFollowsItsOwnMessages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation, key := d.Conversation(d.mine), d.key("notifications:send")
	actor := inbox.APIKeyActor(d.ID, key, nil)
	if _, err := d.open(actor, threadQuery, map[string]any{"id": inboxtest.NewID().String()}, newBox()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a conversation that is not there: %v", err)
	}
	b := d.follow(actor, threadQuery, map[string]any{"id": conversation.String()})
	d.say(conversation, "not for the key")
	own := d.say(conversation, "sent by the key")
	d.w.Exec("UPDATE messages SET author_api_key_id = $2, direction = 'OUTBOUND', inbound_no = NULL WHERE id = $1", own, key)
	d.record(inbox.Event{Kind: inbox.EventMessageStatus, ActorKind: inbox.ActorSystem, ConversationID: &conversation, ChannelAccountID: &d.mine,
		MessageID: &own, MessageStatusBefore: inbox.MessageQueued, MessageStatusAfter: inbox.MessageSent})
	for n := 0; b.item(t, n)["kind"] != "MESSAGE_STATUS_CHANGED"; n++ {
		b.await(t, "the receipt", func() bool { return len(b.payloads) > n+1 })
	}
	for _, payload := range b.payloads {
		if !strings.Contains(string(payload), own.String()) {
			t.Errorf("saw %s", payload)
		}
	}
}

// The badge is told at once and after every change that concerns the viewer, and only then.
func TestUnreadCountEvents(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation, foreign := d.Conversation(d.mine), d.Conversation(d.theirs)
	b, boss := d.follow(d.kim, unreadQuery, nil), d.follow(d.boss, unreadQuery, nil)
	b.number(t, "the badge at once", unreadOf, 1)
	boss.number(t, "the supervisor's badge", unreadOf, 2)
	newest := d.say(conversation, "again")
	item := b.item(t, 1)
	changed := item["changed"].([]any)[0].(map[string]any)
	if item["conversations"] != 1.0 || changed["conversationId"] != conversation.String() || changed["unreadCount"] != 2.0 {
		t.Errorf("told %v", item)
	}
	if _, _, err := d.inbox.MarkRead(t.Context(), d.kim, inbox.MarkReadInput{ConversationID: conversation, UpToMessageID: newest}); err != nil {
		t.Fatal(err)
	}
	b.number(t, "the badge after reading", unreadOf, 0)
	seen := len(b.payloads)
	d.say(foreign, "not kim's")
	boss.await(t, "the supervisor's news", func() bool { return len(boss.payloads) >= 3 })
	if len(b.payloads) != seen {
		t.Errorf("told what does not concern him: %s", b.payloads[seen])
	}
	resumed := d.follow(d.kim, unreadQuery, map[string]any{"after": item["cursor"]})
	if again := resumed.item(t, 0); again["conversations"] != 0.0 || len(again["changed"].([]any)) != 1 {
		t.Errorf("resuming told %v, want what changed since", again)
	}
	if _, err := d.open(inbox.APIKeyActor(d.ID, d.key("inbox:read"), nil), unreadQuery, nil, newBox()); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an API key has no badge: %v", err)
	}
}

// Whoever was away while very much changed is told all of it, in several items, and can be cut between them.
func TestManyUnreadChangesAreTold(t *testing.T) {
	t.Parallel()
	const changes = 230
	d := newDesk(t)
	first := d.follow(d.kim, unreadQuery, nil)
	cursor := first.item(t, 0)["cursor"]
	ids := map[string]bool{}
	events := make([]inbox.Event, changes)
	for i := range events {
		id := d.Conversation(d.mine)
		ids[id.String()] = true
		events[i] = inbox.Event{Kind: inbox.EventMessageCreated, ActorKind: inbox.ActorSystem, Direction: inbox.Inbound, ConversationID: &id,
			ChannelAccountID: &d.mine, StatusAfter: inbox.StatusOpen}
	}
	d.record(events...)
	for cuts := 0; len(ids) > 0; cuts++ {
		if cuts > 10 {
			t.Fatalf("%d conversations were never told", len(ids))
		}
		b := newBox()
		stop, err := d.open(d.kim, unreadQuery, map[string]any{"after": cursor}, b)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 1 + cuts {
			item := b.item(t, n)
			for _, changed := range item["changed"].([]any) {
				delete(ids, changed.(map[string]any)["conversationId"].(string))
			}
			if cuts%2 == 1 {
				cursor = item["cursor"] // cut here, and resume from this item
			}
			if len(ids) == 0 {
				break
			}
		}
		stop()
	}
}

// key adds an API key with the scope.
func (d *desk) key(scope string) uuid.UUID {
	id := inboxtest.NewID()
	d.w.Exec("INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'x', $3, $4, now())",
		d.ID.UUID(), id, []byte(id.String()), []string{scope})
	return id
}

// The numbers on the tabs follow claims, under the filter, for each viewer his own.
func TestConversationCountEvents(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	d.Conversation(d.theirs)
	kim, max, boss := d.follow(d.kim, countsQuery, nil), d.follow(d.max, countsQuery, nil), d.follow(d.boss, countsQuery, nil)
	kim.number(t, "kim's unassigned", countOf("unassigned"), 1)
	boss.number(t, "the supervisor's unassigned", countOf("unassigned"), 2)
	if _, err := d.inbox.Claim(t.Context(), d.kim, inbox.ConversationInput{ConversationID: conversation}); err != nil {
		t.Fatal(err)
	}
	kim.number(t, "kim's own", countOf("mine"), 1)
	if item := max.number(t, "max's unassigned", countOf("unassigned"), 0); countOf("mine")(item) != 0.0 || countOf("all")(item) != 1.0 {
		t.Errorf("max was told %v", item)
	}
	open := d.follow(d.kim, countsQuery, map[string]any{"filter": map[string]any{"status": []string{"RESOLVED"}}})
	open.number(t, "none resolved", countOf("all"), 0)
	if _, err := d.inbox.Resolve(t.Context(), d.kim, inbox.ResolveInput{ConversationID: conversation}); err != nil {
		t.Fatal(err)
	}
	open.number(t, "one resolved", countOf("all"), 1)
}

// The numbers of all viewers are read together: what a change costs does not grow with them.
func TestNumbersAreReadForAllViewersAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	boxes := make([]*box, 200)
	for i := range boxes {
		boxes[i] = d.follow([]inbox.Actor{d.kim, d.max, d.boss}[i%3], []string{unreadQuery, countsQuery}[i%2], nil)
	}
	for _, b := range boxes {
		b.await(t, "the numbers at once", func() bool { return len(b.payloads) > 0 })
	}
	// A reading that rests would begin the next one while viewers are still being told of the change, and leave some of them to a second.
	for end := time.Now().Add(patience); graph.Counting(d.subscriptions); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the numbers are read without end")
		}
	}
	last := make([]int, len(boxes))
	for i, b := range boxes {
		last[i] = len(b.payloads)
	}
	before := d.reads.Load()
	if _, err := d.inbox.Claim(t.Context(), d.kim, inbox.ConversationInput{ConversationID: conversation}); err != nil {
		t.Fatal(err)
	}
	for i, b := range boxes {
		b.await(t, "the numbers after", func() bool { return len(b.payloads) > last[i] })
	}
	if reads := d.reads.Load() - before; reads != 3 { // the event, the badges, the tabs
		t.Errorf("%d reads for %d viewers, want 3", reads, len(boxes))
	}
}

// Alerts are for supervisors, and end when one is a supervisor no more.
func TestAlertEvents(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.open(d.kim, alertQuery, nil, newBox()); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an agent: %v", err)
	}
	b := d.follow(d.boss, alertQuery, nil)
	alert, boss := inboxtest.NewID(), d.boss.ID()
	d.w.Exec(`INSERT INTO alerts (tenant_id, id, kind, subject_id, channel_account_id, message, opened_at)
		VALUES ($1, $2, 'BREAKER_OPEN', $3, $3, 'The provider fails.', now())`, d.ID.UUID(), alert, d.mine)
	opened := inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert}
	d.record(opened)
	shown := b.item(t, 0)["alert"].(map[string]any)
	if shown["id"] != alert.String() || shown["kind"] != "BREAKER_OPEN" || shown["channelAccount"].(map[string]any)["name"] != "mine" {
		t.Errorf("shown %v", shown)
	}
	d.w.Exec("UPDATE agents SET role = 'AGENT' WHERE id = $1", boss)
	d.record(inbox.Event{Kind: inbox.EventAccessChanged, ActorKind: inbox.ActorSystem, AgentID: &boss}, opened)
	b.await(t, "the end", func() bool { return b.complete == 1 })
	if len(b.payloads) != 1 {
		t.Errorf("saw %s as an agent", b.payloads[1])
	}
}

// An item that cannot be shown for a while is waited for; one that never can be ends the subscription with the order to query afresh, at a place
// behind it. Nothing is sent in its place, or whoever keeps the last cursor would never see it.
func TestAnItemThatCannotBeShownIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b, other := d.follow(d.boss, alertQuery, nil), d.follow(d.boss, alertQuery, nil)
	alert := inboxtest.NewID()
	d.w.Exec(`INSERT INTO alerts (tenant_id, id, kind, subject_id, message, opened_at) VALUES ($1, $2, 'STUCK', $2, 'x', now())`, d.ID.UUID(), alert)
	d.broken.Store(3)
	d.record(inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert})
	for _, sink := range []*box{b, other} {
		if shown := sink.item(t, 0)["alert"].(map[string]any); shown["id"] != alert.String() {
			t.Errorf("shown %v", shown)
		}
	}
	missing, known := inboxtest.NewID(), len(b.payloads)
	d.record(inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &missing},
		inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert})
	b.await(t, "the end", func() bool { return b.complete == 1 })
	end := b.item(t, known)
	if len(b.payloads) != known+1 || end["__typename"] != "Resync" || end["reason"] != "NOT_SHOWN" {
		t.Fatalf("the missing alert was followed by %s", b.payloads[known:])
	}
	again := d.follow(d.boss, alertQuery, map[string]any{"after": end["cursor"]})
	d.record(inbox.Event{Kind: inbox.EventAlertOpened, ActorKind: inbox.ActorSystem, AlertID: &alert})
	if shown := again.item(t, 0)["alert"].(map[string]any); shown["id"] != alert.String() {
		t.Errorf("from the place that was told on came %v", shown)
	}
}

// A cursor that cannot be continued, and a buffer that stays full, end in one Resync that any kind of subscription can show.
func TestResyncIsTheLastItem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	d.say(conversation, "in a volume that is dropped")
	var epoch string
	err := d.db.ReadTenant(t.Context(), d.ID, func(tx inbox.Tx) (err error) { _, epoch, err = tx.Head(t.Context()); return err })
	if err != nil {
		t.Fatal(err)
	}
	d.w.Exec("DROP TABLE history.events_1")
	for _, query := range []string{listQuery, threadQuery, unreadQuery, countsQuery, alertQuery} {
		for after, reason := range map[string]string{"nonsense": "CURSOR_UNKNOWN", inbox.Cursor{Epoch: epoch}.String(): "CURSOR_TOO_OLD"} {
			variables := map[string]any{"after": after}
			if query == threadQuery {
				variables["id"] = conversation.String()
			}
			b := d.follow(d.boss, query, variables)
			if item := b.item(t, 0); item["__typename"] != "Resync" || item["reason"] != reason || b.complete != 1 || len(b.payloads) != 1 {
				t.Errorf("%s after %q: %v, completed %d times", query, after, item, b.complete)
			}
		}
	}
}

func TestASlowSinkIsResynced(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	b := newBox()
	b.size = 3
	stop, err := d.open(d.kim, listQuery, nil, b)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for range 5 {
		d.say(conversation, "hello")
	}
	b.await(t, "the end", func() bool { return b.complete == 1 })
	if item := b.item(t, len(b.payloads)-1); item["reason"] != "TOO_SLOW" || len(b.payloads) != 4 {
		t.Errorf("got %d items, the last %v", len(b.payloads), item)
	}
}

// stuck is a sink whose reader takes one response and then nothing.
type stuck struct {
	*box
	taken atomic.Bool
}

func (s *stuck) Next(payload []byte) bool { return !s.taken.Swap(true) && s.box.Next(payload) }

// Numbers that nobody takes are given up, and then nothing of their subscription is left, also when nobody stops it.
func TestNumbersThatNobodyTakesEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conversation := d.Conversation(d.mine)
	s := &stuck{box: newBox()}
	if _, err := d.open(d.kim, unreadQuery, nil, s); err != nil {
		t.Fatal(err)
	}
	s.number(t, "the badge at once", unreadOf, 1)
	d.say(conversation, "is anybody there?")
	s.await(t, "the end", func() bool { return s.complete == 1 })
	for end := time.Now().Add(patience); d.hub.Stats().Subscribers > 0 || graph.Tallies(d.subscriptions) > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d subscribers and %d tallies are left", d.hub.Stats().Subscribers, graph.Tallies(d.subscriptions))
		}
	}
}

// Documents that no subscription can serve are refused.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	send := inbox.APIKeyActor(d.ID, d.key("notifications:send"), nil)
	skipped := `subscription($no: Boolean = false) { alertEvents @include(if: $no) { __typename } }`
	if _, err := d.open(d.boss, skipped, nil, newBox()); !fault.Is(err, fault.Invalid) {
		t.Errorf("no field: %v", err)
	}
	for _, query := range []string{listQuery, countsQuery} {
		if _, err := d.open(send, query, nil, newBox()); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a key that may not read: %v", err)
		}
	}
	if _, err := d.open(d.boss, threadQuery, map[string]any{"id": "x"}, newBox()); !fault.Is(err, fault.Invalid) {
		t.Errorf("an id that is none: %v", err)
	}
	stranger := d.As(d.kim.ID(), inbox.RoleAdmin)
	if _, err := d.open(stranger, listQuery, nil, newBox()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a sign-in that does not exist: %v", err)
	}
}
