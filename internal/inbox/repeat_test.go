package inbox_test

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestMutationsRepeatUnderTheirKey makes each mutation many times at once under one key, later again when it would no longer be allowed,
// and with another input. It has one effect, one event and one audit row.
func TestMutationsRepeatUnderTheirKey(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	boss := acme.As(acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor)
	ada := acme.Agent("ada", inbox.RoleAgent)
	now := time.Now()
	in := inbox.New(w.DB, func() time.Time { return now })
	ctx := t.Context()
	other := acme.Conversation(account)
	target := func(id uuid.UUID) inbox.ConversationInput {
		return inbox.ConversationInput{ConversationID: id, Key: "k"}
	}
	mutations := map[string]struct {
		prepare string // SQL for the conversation $1
		call    func(id uuid.UUID) (inbox.Conversation, error)
		undo    string // makes the call impossible, were it made anew
	}{
		"claim": {"", func(id uuid.UUID) (inbox.Conversation, error) { return in.Claim(ctx, boss, target(id)) },
			"UPDATE conversations SET assignee_id = (SELECT id FROM agents WHERE name = 'ada') WHERE id = $1"},
		"release": {"UPDATE conversations SET assignee_id = (SELECT id FROM agents WHERE name = 'ada') WHERE id = $1",
			func(id uuid.UUID) (inbox.Conversation, error) { return in.Release(ctx, boss, target(id)) }, ""},
		"reassign": {"", func(id uuid.UUID) (inbox.Conversation, error) {
			return in.Reassign(ctx, boss, inbox.ReassignInput{ConversationID: id, AgentID: ada, Key: "k"})
		}, "UPDATE conversations SET status = 'RESOLVED', resolved_at = now(), resolved_at_seq = 1 WHERE id = $1"},
		"resolve": {"", func(id uuid.UUID) (inbox.Conversation, error) {
			return in.Resolve(ctx, boss, inbox.ResolveInput{ConversationID: id, ExpectedLastSeq: new(int64(1)), Key: "k"})
		}, "UPDATE conversations SET last_seq = 2 WHERE id = $1"},
		"reopen": {"UPDATE conversations SET status = 'RESOLVED', resolved_at = now(), resolved_at_seq = 1 WHERE id = $1",
			func(id uuid.UUID) (inbox.Conversation, error) { return in.Reopen(ctx, boss, target(id)) }, ""},
		"snooze": {"", func(id uuid.UUID) (inbox.Conversation, error) {
			return in.Snooze(ctx, boss, inbox.SnoozeInput{ConversationID: id, Until: now.Add(time.Hour), Key: "k"})
		}, "UPDATE conversations SET status = 'RESOLVED', resolved_at = now(), resolved_at_seq = 1, snoozed_until = NULL WHERE id = $1"},
		"mark read": {"", func(id uuid.UUID) (inbox.Conversation, error) {
			message := one[uuid.UUID](&world{Database: w.Database, t: t}, "SELECT id FROM messages WHERE conversation_id = $1", id)
			c, unread, err := in.MarkRead(ctx, boss, inbox.MarkReadInput{ConversationID: id, UpToMessageID: message, Key: "k"})
			if unread != 0 {
				t.Errorf("%d unread", unread)
			}
			return c, err
		}, ""},
	}
	for name, m := range mutations {
		w.Exec("DELETE FROM idempotency_keys")
		id := acme.Conversation(account)
		if m.prepare != "" {
			w.Exec(m.prepare, id)
		}
		events, audits := w.Int("SELECT count(*) FROM events"), w.Int("SELECT count(*) FROM audit_log")
		results := make([]inbox.Conversation, 8)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				var err error
				if results[i], err = m.call(id); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		for _, r := range results {
			if !reflect.DeepEqual(r, results[0]) {
				t.Errorf("%s: the same call returns\n%+v\nand\n%+v", name, r, results[0])
			}
		}
		if m.undo != "" {
			w.Exec(m.undo, id)
		}
		if c, err := m.call(id); err != nil || c.ID != id {
			t.Errorf("%s again, when it would not be allowed: %v, %v", name, c.ID, err)
		}
		if _, err := m.call(other); !fault.Is(err, fault.IdempotencyKeyReuse) {
			t.Errorf("%s of another conversation under the same key: %v, want IDEMPOTENCY_KEY_REUSED", name, err)
		}
		if e, a := w.Int("SELECT count(*) FROM events")-events, w.Int("SELECT count(*) FROM audit_log")-audits; e != 1 || a != 1 {
			t.Errorf("%s: %d events and %d audit rows, want one of each", name, e, a)
		}
	}
}

func TestReopenNamesTheOtherConversation(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	in, ingest := inbox.New(w.DB, time.Now), w.Ingest()
	w.Exec("UPDATE tenants SET reopen_within_days = 0")
	for range 20 { // a message that begins a new conversation races with reopening the old one: at most one is active
		old := acme.Conversation(account)
		if _, err := in.Resolve(t.Context(), ada, inbox.ResolveInput{ConversationID: old}); err != nil {
			t.Fatal(err)
		}
		phone := acme.PhoneOf(old)
		results := together(
			func() error {
				return ingest.Ingest(t.Context(), []inbox.Request{inboxtest.Text(account, phone, "again")})[0]
			},
			func() error {
				_, err := in.Reopen(t.Context(), ada, inbox.ConversationInput{ConversationID: old})
				return err
			},
		)
		if results[0] != nil || results[1] != nil && !fault.Is(results[1], fault.Conflict) {
			t.Fatal(results)
		}
		if fresh := w.Int("SELECT count(*) FROM conversations WHERE status = 'OPEN' AND id <> $1 AND contact_id = "+
			"(SELECT contact_id FROM conversations WHERE id = $1)", old); (fresh == 1) != (results[1] != nil) {
			t.Errorf("%d new conversations, and reopening the old one answered %v", fresh, results[1])
		}
	}
}
