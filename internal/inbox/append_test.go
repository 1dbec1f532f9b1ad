package inbox_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

func TestAppendNumbersMessagesOfManyConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("1001")
	ctx := context.Background()
	now := time.Now().UTC().Truncate(time.Microsecond)
	contacts := []uuid.UUID{newID(t), newID(t)}
	for _, id := range contacts {
		w.exec(`INSERT INTO contacts (tenant_id, id, created_at) VALUES ($1, $2, now())`, h.tenant.UUID(), id)
	}
	fresh := func(contact uuid.UUID) *inbox.Conversation {
		return &inbox.Conversation{ID: newID(t), ContactID: contact, ChannelAccountID: h.account, Status: inbox.StatusOpen, CreatedAt: now}
	}
	a, b := fresh(contacts[0]), fresh(contacts[1])
	inbound := func(text, external string) *inbox.Message {
		return &inbox.Message{Direction: inbox.Inbound, Kind: channel.KindText, Text: text, ExternalID: external,
			Status: inbox.MessageReceived, Raw: []byte(`{"a":"\u0000"}`)}
	}
	location := &inbox.Message{Direction: inbox.Inbound, Kind: channel.KindLocation, Status: inbox.MessageReceived, ProviderAt: &now,
		Content: channel.Content{Location: &channel.Location{Latitude: 1.5, Longitude: -2, Name: "Harbour"}}}
	must(t, h.world.DB.InTenant(ctx, h.tenant, func(tx inbox.Tx) error {
		return inbox.Append(ctx, tx, inbox.SystemActor(h.tenant), now, []inbox.Entry{
			{Conversation: a, Message: inbound("one", "x1")}, {Conversation: b, Message: inbound("two", "x2")},
			{Conversation: a, Message: location},
		})
	}))
	reply := &inbox.Message{Direction: inbox.Outbound, Kind: channel.KindText, Text: "hello\n  there", Status: inbox.MessageQueued,
		OnUnknown: inbox.ReconcileThenRetry}
	must(t, h.world.DB.InTenant(ctx, h.tenant, func(tx inbox.Tx) error {
		locked, err := tx.LockConversations(ctx, []uuid.UUID{a.ID})
		if err != nil {
			return err
		}
		before := locked[0]
		return inbox.Append(ctx, tx, inbox.SystemActor(h.tenant), now, []inbox.Entry{
			{Before: &before, Conversation: &locked[0], Message: reply},
		})
	}))
	must(t, h.world.DB.ReadTenant(ctx, h.tenant, func(tx inbox.Tx) error {
		stored, err := tx.ConversationsByIDs(ctx, []uuid.UUID{a.ID})
		if err != nil {
			return err
		}
		if c := stored[0]; c.LastSeq != 3 || c.InboundCount != 2 || c.Version != 2 || c.Preview != "hello there" || !c.LastInboundAt.Equal(now) {
			t.Errorf("conversation = %+v", c)
		}
		messages, err := tx.MessagesByIDs(ctx, []uuid.UUID{location.ID, reply.ID})
		if err != nil {
			return err
		}
		if len(messages) != 2 {
			t.Fatalf("%d messages, want 2", len(messages))
		}
		if m := messages[0]; m.Seq != 2 || m.InboundNo != 2 || m.Content.Location == nil || m.Content.Location.Name != "Harbour" || !m.ProviderAt.Equal(now) {
			t.Errorf("message = %+v", m)
		}
		if m := messages[1]; m.Seq != 3 || m.InboundNo != 0 || m.OnUnknown != inbox.ReconcileThenRetry || m.AuthorAgentID != nil || m.ProviderAt != nil {
			t.Errorf("message = %+v", m)
		}
		return nil
	}))
	got := many[string](w, "SELECT kind || ' ' || coalesce(message_seq, 0) || ' ' || version FROM events ORDER BY seq")
	want := []string{"CONVERSATION_CREATED 0 1", "MESSAGE_CREATED 1 1", "CONVERSATION_CREATED 0 1", "MESSAGE_CREATED 1 1",
		"MESSAGE_CREATED 2 1", "MESSAGE_CREATED 3 1"}
	if !slices.Equal(got, want) {
		t.Errorf("events = %v, want %v", got, want)
	}
	if raw := one[[]byte](w, "SELECT raw FROM messages WHERE external_id = 'x1'"); string(raw) != `{"a":"\u0000"}` {
		t.Errorf("raw = %s", raw)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
