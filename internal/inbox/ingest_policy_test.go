package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// resolve ends the house's only conversation so many hours ago.
func (h *house) resolve(hours int, assignee *uuid.UUID) {
	h.world.exec(`UPDATE conversations SET status = 'RESOLVED', resolved_at = now() - make_interval(hours => $2), resolved_at_seq = last_seq,
		assignee_id = $3 WHERE tenant_id = $1`, h.tenant.UUID(), hours, assignee)
}

// A message that has to wait for whoever holds its conversation goes on from what he leaves behind.
func TestMessageFollowsWhoeverHeldItsConversation(t *testing.T) {
	t.Parallel()
	const resolve = `UPDATE conversations SET status = 'RESOLVED', resolved_at = now(), resolved_at_seq = last_seq, version = version + 1`
	for name, c := range map[string]struct {
		held          string
		conversations int64
		version       int64 // of the conversation that has the message
		seq           int64 // of the message in it
	}{
		"changed":  {`UPDATE conversations SET version = version + 5, follow_up_at = now()`, 1, 7, 2},
		"resolved": {resolve, 2, 1, 1},
		"resolved, and another one begun": {`WITH gone AS (` + resolve + ` RETURNING *)
			INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, status, version, last_message_at, created_at)
			SELECT tenant_id, gen_random_uuid(), contact_id, channel_account_id, 'OPEN', 3, now(), now() FROM gone`, 2, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h, in := w.house("3020"), w.ingest()
			w.exec("UPDATE tenants SET reopen_within_days = 0")
			w.send(in, h.text("a", "+491711234567", "one"))
			answer := make(chan error, 1)
			w.owner(func(ctx context.Context, conn *pgx.Conn) error {
				tx, err := conn.Begin(ctx)
				must(t, err)
				_, err = tx.Exec(ctx, "SELECT FROM conversations FOR UPDATE")
				must(t, err)
				go func() { answer <- deliver(in, h.text("b", "+491711234567", "two")) }()
				w.waits()
				_, err = tx.Exec(ctx, c.held)
				must(t, err)
				return tx.Commit(ctx)
			})
			must(t, <-answer)
			const where = `SELECT %s FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.external_id = 'b' AND c.status = 'OPEN'`
			if n := w.count("conversations"); n != c.conversations {
				t.Errorf("%d conversations, want %d", n, c.conversations)
			}
			if n := one[int64](w, fmt.Sprintf(where, "c.version")); n != c.version {
				t.Errorf("version %d, want %d", n, c.version)
			}
			if n := one[int64](w, fmt.Sprintf(where, "m.seq")); n != c.seq {
				t.Errorf("seq %d, want %d", n, c.seq)
			}
		})
	}
}

// waits returns when somebody waits for a lock.
func (w *world) waits() {
	w.t.Helper()
	for one[int64](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		select {
		case <-w.t.Context().Done():
			w.t.Fatal("nobody waits for a lock")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestInboundReopensByPolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		days, hours   int
		keeps         bool
		conversations int64
		assigned      bool
		events        []string // after the first message
	}{
		"within, kept":    {7, 24, true, 1, true, []string{"CONVERSATION_REOPENED", "MESSAGE_CREATED"}},
		"within, cleared": {7, 24, false, 1, false, []string{"CONVERSATION_REOPENED", "MESSAGE_CREATED"}},
		"too late":        {1, 25, true, 2, false, []string{"CONVERSATION_CREATED", "MESSAGE_CREATED"}},
		"never":           {0, 0, true, 2, false, []string{"CONVERSATION_CREATED", "MESSAGE_CREATED"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h, in := w.house("3001"), w.ingest()
			w.exec("UPDATE tenants SET reopen_within_days = $1, reopen_keeps_assignee = $2", c.days, c.keeps)
			w.send(in, h.text("m1", "+491711234567", "hello"))
			holder := h.agent("ada")
			h.resolve(c.hours, &holder)
			w.send(in, h.text("m1", "+491711234567", "hello")) // H23: a replay of what came before changes nothing
			if n := one[int64](w, "SELECT count(*) FROM conversations WHERE status = 'RESOLVED'"); n != 1 {
				t.Fatal("a replayed message opened the conversation")
			}
			w.send(in, h.text("m2", "+491711234567", "and again"))
			if n := w.count("conversations"); n != c.conversations {
				t.Errorf("%d conversations, want %d", n, c.conversations)
			}
			if got := one[bool](w, "SELECT assignee_id IS NOT NULL FROM conversations WHERE status = 'OPEN'"); got != c.assigned {
				t.Errorf("assigned = %v", got)
			}
			if got := h.events()[2:]; !slices.Equal(got, c.events) {
				t.Errorf("events = %v, want %v", got, c.events)
			}
			// R33: nothing that came in after the end stands in an ended conversation.
			if n := one[int64](w, `SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id
				WHERE c.status = 'RESOLVED' AND m.direction = 'INBOUND' AND m.seq > c.resolved_at_seq`); n != 0 {
				t.Errorf("%d messages after the end", n)
			}
		})
	}
}

func TestInboundWakesASnoozedConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("3002"), w.ingest()
	w.send(in, h.text("m1", "+491711234567", "hello"))
	w.exec("UPDATE conversations SET status = 'SNOOZED', snoozed_until = now() + interval '1 day', snooze_gen = 1")
	w.send(in, h.text("m2", "+491711234567", "one"), h.text("m3", "+491711234567", "two"))
	want := []string{"CONVERSATION_WOKEN", "MESSAGE_CREATED", "MESSAGE_CREATED"}
	if got := h.events()[2:]; !slices.Equal(got, want) {
		t.Errorf("events = %v", got)
	}
	steps := many[string](w, "SELECT kind || ' ' || coalesce(cause, '-') || ' ' || status_before || ' ' || status_after FROM events WHERE seq > 2 ORDER BY seq")
	if want := []string{"CONVERSATION_WOKEN INBOUND SNOOZED OPEN", "MESSAGE_CREATED - OPEN OPEN", "MESSAGE_CREATED - OPEN OPEN"}; !slices.Equal(steps, want) {
		t.Errorf("steps = %v", steps)
	}
	if n := one[int64](w, "SELECT count(*) FROM audit_log WHERE action = 'conversation.woken' AND actor_kind = 'CONTACT'"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

func TestContactIsFoundByEitherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("3003"), w.ingest()
	from := func(id string, s channel.Sender) channel.Item {
		return h.item(channel.Inbound{ExternalID: id, From: s, Kind: channel.KindText, Text: "x"})
	}
	w.send(in, from("a", channel.Sender{UserID: "US.1"}))                                                                 // known by nothing but his user id
	w.send(in, from("b", channel.Sender{UserID: "US.1", Phone: "491711234567", Name: "Kim"}))                             // now with a phone and a name
	w.send(in, from("c", channel.Sender{Phone: "+49 171 1234567"}))                                                       // the same person
	w.send(in, from("d", channel.Sender{UserID: "US.2"}), from("e", channel.Sender{Phone: "4930123456", UserID: "US.2"})) // both ways in one batch
	w.send(in, from("f", channel.Sender{Phone: "491711234567", NewPhone: "491719999999"}), from("g", channel.Sender{Phone: "491719999999"}))
	if n := []int64{w.count("contacts"), w.count("contact_identities"), w.count("conversations")}; !slices.Equal(n, []int64{2, 5, 2}) {
		t.Errorf("contacts, identities, conversations = %v", n)
	}
	if name := one[string](w, "SELECT name FROM contacts ORDER BY id LIMIT 1"); name != "Kim" {
		t.Errorf("name = %q", name)
	}
	if n := one[int64](w, "SELECT count(*) FROM events WHERE kind = 'CONTACT_CHANGED'"); n != 2 {
		t.Errorf("%d CONTACT_CHANGED events, want one for the phone and name, one for the new number", n)
	}
	// Two names that belong to two contacts: the phone's contact keeps the message, and the log says so.
	w.send(in, from("h", channel.Sender{Phone: "491711234567", UserID: "US.2"}))
	if n := w.count("contacts"); n != 2 {
		t.Errorf("%d contacts", n)
	}
	if phone := one[string](w, `SELECT i.value FROM messages m JOIN conversations c ON c.id = m.conversation_id
		JOIN contact_identities i ON i.contact_id = c.contact_id AND i.kind = 'PHONE' WHERE m.external_id = 'h' ORDER BY i.value LIMIT 1`); phone != "+491711234567" {
		t.Errorf("the message went to the contact with %s", phone)
	}
	if n := one[int64](w, "SELECT count(*) FROM audit_log WHERE action = 'contact.identity_conflict'"); n != 1 {
		t.Errorf("%d conflicts noted", n)
	}
}

func TestInboundMakesAnIdentityValidAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("3004"), w.ingest()
	w.send(in, h.text("a", "+491711234567", "x"))
	w.exec("UPDATE contact_identities SET invalid_at = now(), invalid_reason = 'gone'")
	w.send(in, h.text("b", "+491711234567", "y"))
	if one[bool](w, "SELECT invalid_at IS NOT NULL OR invalid_reason IS NOT NULL FROM contact_identities") {
		t.Error("the identity is still invalid")
	}
}

func TestMarksChangeTheirTargetOrAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("3005"), w.ingest()
	mark := func(id string, kind channel.Kind, target, text string) channel.Item {
		return h.item(channel.Inbound{ExternalID: id, From: channel.Sender{Phone: "+491711234567"}, Kind: kind, Target: target, Text: text,
			SentAt: time.Unix(1_700_000_000, 0)})
	}
	w.send(in, mark("r0", channel.KindReaction, "m1", "👍")) // before its message: shown as what it is
	w.send(in, h.text("m1", "+491711234567", "hello"), mark("e1", channel.KindEdit, "m1", "hello!"))
	h.resolve(1, nil)
	w.send(in, mark("r1", channel.KindReaction, "m1", "🎉"), mark("d1", channel.KindDeletion, "m1", ""))
	if got := many[string](w, "SELECT kind FROM messages ORDER BY seq"); !slices.Equal(got, []string{"REACTION", "TEXT"}) {
		t.Errorf("messages = %v", got)
	}
	if n := w.count("message_marks"); n != 4 {
		t.Errorf("%d marks, want 4", n)
	}
	if v := one[int64](w, "SELECT version FROM messages WHERE external_id = 'm1'"); v != 3 {
		t.Errorf("version = %d, want 3: new, edited, and the last two together", v)
	}
	if s := one[string](w, "SELECT status FROM conversations"); s != "RESOLVED" {
		t.Errorf("a reaction made the conversation %s", s)
	}
	want := []string{"CONVERSATION_CREATED", "MESSAGE_CREATED", "CONTACT_CHANGED", "MESSAGE_CREATED", "MESSAGE_CHANGED", "MESSAGE_CHANGED"}
	if got := h.events(); !slices.Contains(got, "MESSAGE_CHANGED") || len(got) != len(want) {
		t.Errorf("events = %v", got)
	}
	reader := inbox.New(w.DB, time.Now)
	ctx, actor := context.Background(), inbox.SystemActor(h.tenant)
	ids := many[uuid.UUID](w, "SELECT id FROM messages ORDER BY seq")
	var messages []inbox.Message
	must(t, w.DB.ReadTenant(ctx, h.tenant, func(tx inbox.Tx) (err error) {
		messages, err = tx.MessagesByIDs(ctx, ids)
		return err
	}))
	marks, err := reader.MarksOf(ctx, actor, messages)
	must(t, err)
	var kinds []string
	for _, k := range marks[ids[1]] {
		kinds = append(kinds, string(k.Kind)+k.Text)
	}
	if !slices.Equal(kinds, []string{"EDIThello!", "REACTION🎉", "DELETION"}) {
		t.Errorf("marks = %v, want the newest of each kind", kinds)
	}
}

// A mark on a message of an ended conversation locks that one too; what is written in the same batch goes to the conversation in progress all
// the same, and once that has ended as well, to the one that began last.
func TestMarkOfAnEndedConversationTakesNoMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("3008"), w.ingest()
	w.send(in, h.text("m1", "+491711234567", "first"))
	h.resolve(24*8, nil)
	w.send(in, h.text("m2", "+491711234567", "second, a week later"))
	heart := func(id string) channel.Item {
		return h.item(channel.Inbound{ExternalID: id, From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindReaction, Target: "m1", Text: "x"})
	}
	w.send(in, heart("r1"), h.text("m3", "+491711234567", "third"))
	h.resolve(1, nil)
	w.send(in, heart("r2"), h.text("m4", "+491711234567", "fourth"))
	got := many[string](w, `SELECT string_agg(m.external_id, ' ' ORDER BY m.seq) FROM messages m JOIN conversations c ON c.id = m.conversation_id
		GROUP BY c.tenant_id, c.id, c.created_at ORDER BY c.created_at`)
	if want := []string{"m1", "m2 m3 m4"}; !slices.Equal(got, want) {
		t.Errorf("conversations hold %q, want %q", got, want)
	}
}
