package db_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// The snapshot of the live stream is one statement of its own; it must show the same as the reads of every noun, in every column.
func TestSnapshotShowsWhatTheReadsShow(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme")
	team := tenant.Team("sales")
	agent := tenant.Agent("kim", inbox.RoleAgent, team)
	account := tenant.Account("shop", &team)
	conversation := tenant.Conversation(account)
	question := tenant.Inbound(conversation, "what \"is\" it, żółć 🦊?")
	answer, retry := inboxtest.NewID(), inboxtest.NewID()
	w.Exec(`UPDATE conversations SET assignee_id = $2, status = 'RESOLVED', resolved_at = now(), resolved_at_seq = 2, follow_up_at = now(),
		snooze_gen = 3 WHERE id = $1`, conversation, agent)
	w.Exec(`UPDATE messages SET external_id = 'wamid.1', provider_at = now(), raw = 'raw', kind = 'IMAGE',
		content = '{"forwarded": true, "media": {"id": "m1", "mimeType": "image/png"}}' WHERE id = $1`, question)
	for i, id := range []uuid.UUID{answer, retry} {
		w.Exec(`INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, reply_to, author_agent_id,
			correlation_id, on_unknown, status, failed_code, failed_reason, sent_at, delivered_at, read_at, failed_at, retry_of, version, created_at)
			VALUES ($1, $2, $3, $4, $5, 'OUTBOUND', 'TEXT', 'this', 'wamid.1', $6, 'c-1', 'RECONCILE_THEN_FAIL', 'FAILED', '131', 'no', now(), now(),
			now(), now(), $7, 4, now())`, tenant.ID.UUID(), id, conversation, account, 3+i, agent, []*uuid.UUID{nil, &answer}[i])
	}
	w.Exec(`UPDATE contact_identities SET invalid_at = now(), invalid_reason = 'gone'`)
	w.Exec(`UPDATE channel_accounts SET settings = jsonb_build_object('note', repeat('long ', 100))`)
	w.Exec(`INSERT INTO attachments (tenant_id, id, message_id, channel_account_id, provider_media, filename, mime_type, size_bytes, sha256,
		blob_key, state, tries, created_at) VALUES ($1, $2, $3, $4, '{"id": "m1", "voice": true}', 'a.png', 'image/png', 7, '\x0102', 'k', 'STORED', 2, now())`,
		tenant.ID.UUID(), inboxtest.NewID(), question, account)
	for i, mark := range []string{"REACTION", "EDIT", "REACTION", "EDIT"} {
		w.Exec(`INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, text, external_id, raw,
			provider_at, created_at) VALUES ($1, $2, $3, $4, 'wamid.1', $5, $6, 'mark.' || $6, '', now(), now() + $6::int * interval '1 second')`,
			tenant.ID.UUID(), inboxtest.NewID(), account, conversation, mark, strconv.Itoa(i))
	}
	events := []inbox.Event{{ConversationID: &conversation, MessageID: &question}, {ConversationID: &conversation, MessageID: &answer}}
	got, err := w.DB.Stream().Snapshot(t.Context(), tenant.ID, events, inbox.WholeReach())
	if err != nil {
		t.Fatal(err)
	}
	err = w.DB.ReadTenant(t.Context(), tenant.ID, func(tx inbox.Tx) error {
		ctx := context.Background()
		same(t, "conversations", got.Conversations, fetch(tx.ConversationsByIDs(ctx, []uuid.UUID{conversation})), func(c inbox.Conversation) uuid.UUID { return c.ID })
		same(t, "messages", got.Messages, fetch(tx.MessagesByIDs(ctx, []uuid.UUID{question, answer})), func(m inbox.Message) uuid.UUID { return m.ID })
		same(t, "accounts", got.Accounts, fetch(tx.ChannelAccountsByIDs(ctx, []uuid.UUID{account})), func(a inbox.ChannelAccount) uuid.UUID { return a.ID })
		same(t, "agents", got.Agents, fetch(tx.AgentsByIDs(ctx, []uuid.UUID{agent})), func(a inbox.Agent) uuid.UUID { return a.ID })
		same(t, "teams", got.Teams, fetch(tx.TeamsByIDs(ctx, []uuid.UUID{team})), func(x inbox.Team) uuid.UUID { return x.ID })
		contact := got.Conversations[conversation].ContactID
		same(t, "contacts", got.Contacts, fetch(tx.ContactsByIDs(ctx, []uuid.UUID{contact})), func(c inbox.Contact) uuid.UUID { return c.ID })
		ids := []uuid.UUID{question, answer}
		if diff := cmp.Diff(fetch(tx.AttachmentsByMessageIDs(ctx, ids)), got.Attachments[question]); diff != "" {
			t.Error("attachments:", diff)
		}
		marks := fetch(tx.MarksByTargets(ctx, []inbox.ExternalRef{{ChannelAccountID: account, ExternalID: "wamid.1"}}))
		if diff := cmp.Diff(marks, got.Marks[question], cmpopts.IgnoreFields(inbox.Mark{}, "Raw")); diff != "" || len(marks) != 2 || marks[0].Text != "2" || marks[1].Text != "3" {
			t.Error("marks:", diff)
		}
		if diff := cmp.Diff(fetch(tx.MessageRetries(ctx, ids)), got.Retries); diff != "" {
			t.Error("retries:", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever needs no messages is shown the same of the rest.
	events[0].ContactID, events[0].ChannelAccountID, events[0].AssigneeAfter = &got.Conversations[conversation].ContactID, &account, &agent
	events[1].TeamAfter = &team
	narrow := inbox.WholeReach()
	narrow.Messages = false
	less := fetch(w.DB.Stream().Snapshot(t.Context(), tenant.ID, events, narrow))
	want := &inbox.Snapshot{
		Reach: narrow, Conversations: got.Conversations, Contacts: got.Contacts, Accounts: got.Accounts, Agents: got.Agents, Teams: got.Teams,
	}
	if diff := cmp.Diff(want, less); diff != "" {
		t.Error("without messages:", diff)
	}
	if got.Quotes[answer] == nil || got.Quotes[answer].ID != question || got.Quotes[question] != nil {
		t.Errorf("quotes: %v", got.Quotes)
	}
}

func same[T any](t *testing.T, noun string, got map[uuid.UUID]*T, want []T, id func(T) uuid.UUID) {
	t.Helper()
	wanted := make(map[uuid.UUID]*T, len(want))
	for i := range want {
		wanted[id(want[i])] = &want[i]
	}
	if diff := cmp.Diff(wanted, got); diff != "" || len(got) == 0 {
		t.Errorf("%s: %s", noun, diff)
	}
}

// fetch turns an error of a read into a panic: the test cannot go on.
func fetch[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Events come back whole, a page at a time, with the head and what the wanted ones point to; another tenant's never do.
func TestEventsAreReadInPages(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant, other := w.Tenant("acme"), w.Tenant("other")
	conversation := tenant.Conversation(tenant.Account("shop", nil))
	id := inboxtest.NewID()
	full := inbox.Event{
		Kind: inbox.EventMessageStatus, ActorKind: inbox.ActorAgent, ActorID: &id, Cause: inbox.CauseAgent, ConversationID: &conversation,
		ChannelAccountID: &id, ContactID: &id, MessageID: &id, MessageSeq: 3, Direction: inbox.Outbound, AgentID: &id, SessionID: &id, AlertID: &id,
		Version: 4, StatusBefore: inbox.StatusOpen, StatusAfter: inbox.StatusResolved, AssigneeBefore: &id, AssigneeAfter: &id, TeamBefore: &id,
		TeamAfter: &id, MessageStatusBefore: inbox.MessageQueued, MessageStatusAfter: inbox.MessageSent,
	}
	full.At = full.At.AddDate(2026, 1, 2)
	bare := inbox.Event{Kind: inbox.EventAccessChanged, ActorKind: inbox.ActorSystem, At: full.At}
	var written []inbox.Event
	for i := range 5 {
		e := []inbox.Event{full, bare}[i%2]
		written = append(written, e)
		written[i].Seq = int64(i + 1)
	}
	for _, n := range []*inboxtest.Tenant{tenant, other} {
		if err := w.DB.InTenant(t.Context(), n.ID, func(tx inbox.Tx) error { tx.Record(written...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	stream := w.DB.Stream()
	wants := func(e *inbox.Event) (inbox.Reach, bool) { return inbox.Reach{Conversations: true}, e.Seq == 3 }
	page := fetch(stream.Events(t.Context(), tenant.ID, 1, 3, wants))
	if diff := cmp.Diff(written[1:4], page.Events); diff != "" || page.Head != 5 || len(page.Epoch) != 8 {
		t.Errorf("head %d, epoch %q: %s", page.Head, page.Epoch, diff)
	}
	if page.Snapshot == nil || page.Snapshot.Conversations[conversation] == nil {
		t.Error("the wanted event's conversation is missing")
	}
	if end := fetch(stream.Events(t.Context(), tenant.ID, 5, 3, wants)); len(end.Events) != 0 || end.Head != 5 || end.Snapshot != nil {
		t.Errorf("after the end: %+v", end)
	}
	foreign := fetch(stream.Events(t.Context(), other.ID, 0, 10, wants))
	if foreign.Epoch == page.Epoch || foreign.Snapshot.Conversations[conversation] != nil {
		t.Error("another tenant was shown the conversation, or has the same epoch")
	}
	if _, err := stream.Events(t.Context(), inbox.TenantOf(inboxtest.NewID()), 0, 1, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a tenant that does not exist: %v", err)
	}
	heads := fetch(stream.Heads(t.Context(), []inbox.TenantID{tenant.ID, other.ID, inbox.TenantOf(inboxtest.NewID())}))
	if fmt.Sprint(heads[tenant.ID].Seq, heads[other.ID].Seq, len(heads)) != "5 5 2" || heads[tenant.ID].Epoch != page.Epoch {
		t.Errorf("heads: %v", heads)
	}
}

// What an actor may do is read anew: role, accounts, scopes; and whether he may do anything at all.
func TestAccessIsReadAnew(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme")
	team := tenant.Team("sales")
	mine, open := tenant.Account("mine", &team), tenant.Account("open", nil)
	tenant.Account("theirs", func() *uuid.UUID { id := tenant.Team("support"); return &id }())
	agent := tenant.Agent("kim", inbox.RoleAgent, team)
	actor := tenant.As(agent, inbox.RoleAdmin)
	stream := w.DB.Stream()
	refused := func(actor inbox.Actor) {
		t.Helper()
		if _, err := stream.Access(t.Context(), actor); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("got %v, want UNAUTHENTICATED", err)
		}
	}
	refused(actor) // no sign-in
	w.Exec(`INSERT INTO refresh_tokens (tenant_id, id, agent_id, family_id, hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, 'x', now(), now() + interval '1 day')`, tenant.ID.UUID(), inboxtest.NewID(), agent, actor.Session())
	fresh := fetch(stream.Access(t.Context(), actor))
	accounts := fresh.Visibility().Accounts
	if fresh.Role() != inbox.RoleAgent || len(accounts) != 2 || !slices.Contains(accounts, mine) || !slices.Contains(accounts, open) {
		t.Errorf("role %s, accounts %v", fresh.Role(), accounts)
	}
	key := inboxtest.NewID()
	w.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'x', 'x', '{inbox:read}', now())`,
		tenant.ID.UUID(), key)
	keyed := fetch(stream.Access(t.Context(), inbox.APIKeyActor(tenant.ID, key, nil)))
	if !keyed.Has(inbox.ScopeRead) || keyed.Has(inbox.ScopeSend) {
		t.Errorf("scopes of %+v", keyed)
	}
	w.Exec("UPDATE api_keys SET revoked_at = now()")
	refused(keyed)
	w.Exec("UPDATE tenants SET status = 'SUSPENDED'")
	refused(actor)
	refused(inbox.SystemActor(tenant.ID))
}

// Marks are read kind by kind: each kind that the table takes is among them, with the page and with the snapshot.
func TestEveryKindOfMarkIsRead(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	tenant := w.Tenant("acme")
	account := tenant.Account("shop", nil)
	conversation := tenant.Conversation(account)
	message := tenant.Inbound(conversation, "hello")
	w.Exec("UPDATE messages SET external_id = 'wamid.1' WHERE id = $1", message)
	w.Exec(`INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, external_id, raw, created_at)
		SELECT $1, gen_random_uuid(), $2, $3, 'wamid.1', k[1], k[1], '', now() FROM pg_constraint c,
		regexp_matches(pg_get_constraintdef(c.oid), '''([A-Z_]+)''', 'g') k WHERE c.conrelid = 'message_marks'::regclass AND c.contype = 'c'`,
		tenant.ID.UUID(), account, conversation)
	kinds := int(w.Int("SELECT count(*) FROM message_marks"))
	if kinds < 3 {
		t.Fatalf("the table takes %d kinds", kinds)
	}
	snapshot, err := w.DB.Stream().Snapshot(t.Context(), tenant.ID, []inbox.Event{{ConversationID: &conversation, MessageID: &message}}, inbox.WholeReach())
	if err != nil {
		t.Fatal(err)
	}
	var page []inbox.Mark
	err = w.DB.ReadTenant(t.Context(), tenant.ID, func(tx inbox.Tx) (err error) {
		page, err = tx.MarksByTargets(t.Context(), []inbox.ExternalRef{{ChannelAccountID: account, ExternalID: "wamid.1"}})
		return err
	})
	if err != nil || len(page) != kinds || len(snapshot.Marks[message]) != kinds {
		t.Errorf("of %d kinds the page has %d and the snapshot %d, %v", kinds, len(page), len(snapshot.Marks[message]), err)
	}
}
