package inbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// together runs the functions at the same moment and returns their errors in order.
func together(functions ...func() error) []error {
	start, results := make(chan struct{}), make([]error, len(functions))
	var wg sync.WaitGroup
	for i, fn := range functions {
		wg.Go(func() {
			<-start
			results[i] = fn()
		})
	}
	close(start)
	wg.Wait()
	return results
}

func TestOldTimerLeavesANewSnoozeAlone(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	timer := &rings{}
	in := inbox.New(w.DB, time.Now).WithSnoozeTimer(timer)
	conversation := acme.Conversation(account)
	snooze := func(d time.Duration) {
		t.Helper()
		if _, err := in.Snooze(t.Context(), ada, inbox.SnoozeInput{ConversationID: conversation, Until: time.Now().Add(d)}); err != nil {
			t.Fatal(err)
		}
	}
	wake := func(gen int64) time.Duration {
		t.Helper()
		left, err := in.Wake(t.Context(), acme.ID, conversation, gen)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	status := func(want inbox.Status) {
		t.Helper()
		c, err := in.Conversation(t.Context(), ada, conversation)
		if err != nil || c.Status != want {
			t.Fatalf("status %s, %v; want %s", c.Status, err, want)
		}
	}
	snooze(5 * time.Minute)
	if left := wake(1); left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("too early: %s are left, want almost 5 minutes", left)
	}
	w.Shift(6 * time.Minute)
	wake(1)
	status(inbox.StatusOpen)
	w.Shift(0)
	snooze(5 * time.Minute)
	snooze(10 * time.Minute)
	w.Shift(time.Hour)
	for _, old := range []int64{1, 2, 4} {
		if left := wake(old); left != 0 {
			t.Errorf("snooze %d is over and still asks for %s", old, left)
		}
		status(inbox.StatusSnoozed)
	}
	wake(3)
	status(inbox.StatusOpen)
	wake(3)
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'CONVERSATION_WOKEN'"); n != 2 {
		t.Errorf("%d WOKEN events for two snoozes that a timer ended", n)
	}
	if left, err := in.Wake(t.Context(), acme.ID, inboxtest.NewID(), 1); left != 0 || err != nil {
		t.Errorf("waking what does not exist: %s, %v", left, err)
	}
	if len(timer.gens) != 3 || timer.gens[2] != 3 {
		t.Errorf("the timer was set for %v, want 1, 2, 3", timer.gens)
	}
}

// rings remembers for which snoozes a timer was set.
type rings struct{ gens []int64 }

// WakeAt implements inbox.SnoozeTimer.
func (r *rings) WakeAt(_ context.Context, _ inbox.TenantID, _ uuid.UUID, gen int64, _ time.Time) {
	r.gens = append(r.gens, gen)
}

func TestSnoozeBounds(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	in := inbox.New(w.DB, func() time.Time { return now })
	conversation := acme.Conversation(account)
	for ahead, want := range map[time.Duration]fault.Code{
		-time.Hour: fault.Invalid, 59 * time.Second: fault.Invalid, time.Minute: "", 365 * 24 * time.Hour: "",
		365*24*time.Hour + time.Second: fault.Invalid,
	} {
		_, err := in.Snooze(t.Context(), ada, inbox.SnoozeInput{ConversationID: conversation, Until: now.Add(ahead)})
		if fault.CodeOf(err) != want {
			t.Errorf("%s ahead: %v, want %q", ahead, err, want)
		}
	}
}

// TestResolveNeverHidesAMessage resolves while the contact writes.
func TestResolveNeverHidesAMessage(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	in, ingest := inbox.New(w.DB, time.Now), w.Ingest()
	var refused int
	for i := range 40 {
		conversation := acme.Conversation(account)
		phone := acme.PhoneOf(conversation)
		var expected *int64
		if seq := int64(1); i%2 == 0 {
			expected = &seq
		}
		results := together(
			func() error {
				return ingest.Ingest(t.Context(), []inbox.Request{inboxtest.Text(account, phone, "wait")})[0]
			},
			func() error {
				for range i % 10 { // let the message come first in some rounds
					if _, err := in.Conversation(t.Context(), ada, conversation); err != nil {
						return err
					}
				}
				_, err := in.Resolve(t.Context(), ada, inbox.ResolveInput{ConversationID: conversation, ExpectedLastSeq: expected})
				return err
			},
		)
		if results[0] != nil {
			t.Fatal(results[0])
		}
		var known *fault.Error
		if errors.As(results[1], &known) && known.Code == fault.Conflict && known.Details["lastSeq"] == int64(2) && expected != nil {
			refused++
		} else if results[1] != nil {
			t.Fatal(results[1])
		}
	}
	hidden := w.Int(`SELECT count(*) FROM conversations c JOIN messages m ON m.conversation_id = c.id
		WHERE c.status = 'RESOLVED' AND m.direction = 'INBOUND' AND m.seq > c.resolved_at_seq`)
	if hidden != 0 {
		t.Errorf("%d messages came after the end of their RESOLVED conversation", hidden)
	}
	t.Logf("%d of 20 were refused because a message had come", refused)
}

// TestUnreadCountsWhatCameWhileReading marks as read while messages arrive: exactly those after the shown one are unread.
func TestUnreadCountsWhatCameWhileReading(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	in, ingest := inbox.New(w.DB, time.Now), w.Ingest()
	for range 25 {
		conversation := acme.Conversation(account)
		phone := acme.PhoneOf(conversation)
		shown := acme.Inbound(conversation, "two")
		older := one[uuid.UUID](&world{Database: w.Database, t: t}, "SELECT id FROM messages WHERE conversation_id = $1 AND seq = 1", conversation)
		mark := func(id uuid.UUID) func() error {
			return func() error {
				_, _, err := in.MarkRead(t.Context(), ada, inbox.MarkReadInput{ConversationID: conversation, UpToMessageID: id})
				return err
			}
		}
		results := together(mark(shown), mark(older), mark(shown), func() error {
			return ingest.Ingest(t.Context(), []inbox.Request{inboxtest.Text(account, phone, "three")})[0]
		})
		if err := errors.Join(results...); err != nil {
			t.Fatal(err)
		}
		unread, _, err := in.UnreadOf(t.Context(), acme.ID, []inbox.Visibility{ada.Visibility()}, []uuid.UUID{conversation})
		if err != nil || unread[0].ByConversation[conversation] != 1 {
			t.Fatalf("unread %v, %v; want exactly the third message", unread, err)
		}
		moves := w.Int("SELECT count(*) FROM events WHERE kind = 'READ_CURSOR_MOVED' AND conversation_id = $1", conversation)
		if moves != 1 && moves != 2 {
			t.Errorf("%d events for a cursor that moved once or twice", moves)
		}
	}
}

// TestReadingBesideChanges lets an agent read while another sets the conversation aside and opens it again: the events, one after the other,
// still lead from each state to the next. Who reads does not lock the conversation, so that his event cannot know its state.
func TestReadingBesideChanges(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada, bob := acme.Agent("ada", inbox.RoleAgent), acme.As(acme.Agent("bob", inbox.RoleAgent), inbox.RoleAgent, account)
	reader := acme.As(ada, inbox.RoleAgent, account)
	in := inbox.New(w.DB, time.Now)
	for range 40 {
		conversation := acme.Conversation(account)
		shown := acme.Inbound(conversation, "two")
		results := together(
			func() error {
				_, _, err := in.MarkRead(t.Context(), reader, inbox.MarkReadInput{ConversationID: conversation, UpToMessageID: shown})
				return err
			},
			func() error {
				_, err := in.Snooze(t.Context(), bob, inbox.SnoozeInput{ConversationID: conversation, Until: time.Now().Add(time.Hour)})
				return err
			},
		)
		_, err := in.Reopen(t.Context(), bob, inbox.ConversationInput{ConversationID: conversation})
		if err := errors.Join(append(results, err)...); err != nil {
			t.Fatal(err)
		}
	}
	findings, err := w.DB.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if strings.HasPrefix(f.Check, "events replayed") && f.Violations > 0 {
			t.Errorf("%s: %d, such as %v", f.Check, f.Violations, f.Examples)
		}
	}
}
