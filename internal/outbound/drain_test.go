package outbound_test

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// R12: fifty duplicate drains in five processes call for each message once, and never twice at the same time.
func TestDuplicateDrainsCallOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	messages := w.sendMany(60)
	fleet := []*outbound.Outbound{w.out, w.process(), w.process(), w.process(), w.process()}
	var drains sync.WaitGroup
	for i := range 50 {
		drains.Go(func() {
			if _, _, err := fleet[i%len(fleet)].Drain(t.Context(), w.tenant.ID, w.account); err != nil {
				t.Errorf("drain: %v", err)
			}
		})
	}
	drains.Wait()
	eventually(t, "all are sent", func() bool { return w.Int("SELECT count(*) FROM messages WHERE status = 'SENT'") == 60 })
	taken := w.vendor.taken()
	for _, m := range messages {
		if taken[m.ID.String()] != 1 {
			t.Errorf("message %s was taken %d times", m.ID, taken[m.ID.String()])
		}
	}
	noOverlap(t, w.vendor.seen())
	w.wantCalls(60)
}

func noOverlap(t *testing.T, calls []vendorCall) {
	t.Helper()
	sort.Slice(calls, func(i, j int) bool { return calls[i].begun.Before(calls[j].begun) })
	last := map[string]time.Time{}
	for _, c := range calls {
		if c.begun.Before(last[c.Message]) {
			t.Errorf("two calls for message %s at the same time", c.Message)
		}
		last[c.Message] = c.ended
	}
}

// R13: the vendor takes the message and its answer is lost in one of four ways. With an echo of our attempt id it is called once;
// without, the policy of the message decides between a second call and a visible failure.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"cut": {take: true, cut: true}, "silent": {take: true, silent: true}, "error": {take: true, status: 500}, "half": {take: true, half: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *outbound.Config) {
				if c.CallTimeout = 30 * time.Second; a.silent { // only what is never answered is to run out of time
					c.CallTimeout = time.Second
				}
			})
			never := make(chan struct{})
			t.Cleanup(func() { close(never) })
			w.vendor.behave(func(*vendorCall) answer {
				lost := a
				if lost.silent {
					lost.wait = never
				}
				return lost
			})
			echoed, again, given := w.send(w.tenant.Conversation(w.account), "echoed"), w.send(w.tenant.Conversation(w.account), "again"),
				w.send(w.tenant.Conversation(w.account), "given up")
			w.Exec("UPDATE messages SET on_unknown = 'RECONCILE_THEN_FAIL' WHERE id = $1", given.ID)
			w.drain()
			w.wantCalls(3)
			if d := w.dispatch(echoed.ID); d == nil || d.State != outbound.Unknown {
				t.Fatalf("after a lost answer: %+v", d)
			}
			r := w.receipt("late-id", channel.StatusDelivered, time.Now())
			r.AttemptID = w.attempts(echoed.ID)[0].ID.String()
			if told := w.receive(r); told[0] != inbox.Applied {
				t.Fatalf("the receipt was %s", told[0])
			}
			if m := w.wantStatus(echoed.ID, inbox.MessageDelivered); m.ExternalID != "late-id" || w.dispatch(echoed.ID) != nil {
				t.Fatalf("after the receipt: %+v, %+v", m, w.dispatch(echoed.ID))
			}
			w.vendor.behave(take)
			w.out = w.process(func(c *outbound.Config) { c.CallTimeout = 30 * time.Second })
			w.later(80 * time.Second)
			w.wantCalls(3) // the receipts have time until 120 s after the call
			w.later(50 * time.Second)
			w.wantCalls(4)
			w.wantStatus(again.ID, inbox.MessageSent)
			if m := w.wantStatus(given.ID, inbox.MessageFailed); m.FailedCode != outbound.CodeOutcomeUnknown {
				t.Fatalf("given up with %s", m.FailedCode)
			}
			// Proof that it was taken after all outranks the presumption.
			r = w.receipt("later-id", channel.StatusSent, time.Now())
			r.AttemptID = w.attempts(given.ID)[0].ID.String()
			w.receive(r)
			w.wantStatus(given.ID, inbox.MessageSent)
		})
	}
}

// stopDuring drains the lane and tells the process to stop when so many calls are under way, which then are answered.
func (w *world) stopDuring(calls int, begun <-chan struct{}, answered chan<- struct{}) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() {
		_, _, err := w.out.Drain(ctx, w.tenant.ID, w.account)
		done <- err
	}()
	for range calls {
		<-begun
	}
	stop()
	close(answered)
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

// R14: once the process is to stop, calls under way end and are recorded, and no other begins.
func TestStopFinishesCallsAndBeginsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 4 })
	messages := w.sendMany(30)
	answer4, begun := make(chan struct{}), make(chan struct{}, 30)
	w.vendor.behave(func(*vendorCall) answer {
		begun <- struct{}{}
		return answer{take: true, wait: answer4}
	})
	w.stopDuring(4, begun, answer4)
	w.wantCalls(4)
	if n := w.Int("SELECT count(*) FROM messages WHERE status = 'SENT'"); n != 4 {
		t.Fatalf("%d calls were recorded, want 4", n)
	}
	if n := w.Int("SELECT count(*) FROM dispatches WHERE state <> 'READY' OR tries > 0"); n != 0 {
		t.Fatalf("%d rows were not given back", n)
	}
	w.vendor.behave(take)
	w.drain()
	for _, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
	}
	w.wantCalls(30)
}

// R19: calls of one conversation go in order, also when the first is refused for a while.
func TestOrderInAConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	first, second, third := w.send(conversation, "1"), w.send(conversation, "2"), w.send(conversation, "3")
	w.vendor.behave(func(c *vendorCall) answer {
		if c.Message == first.ID.String() && c.no <= 2 {
			return answer{class: channel.RateLimited, retryAfter: 3 * time.Second}
		}
		return answer{take: true}
	})
	w.drain()
	w.wantCalls(1)
	w.later(4 * time.Second)
	w.wantCalls(2)
	w.later(4 * time.Second)
	var order []string
	for _, c := range w.vendor.seen() {
		if c.accepted {
			order = append(order, c.Message)
		}
	}
	if want := []string{first.ID.String(), second.ID.String(), third.ID.String()}; len(order) != 3 || order[0] != want[0] ||
		order[1] != want[1] || order[2] != want[2] {
		t.Fatalf("taken in the order %v, want %v", order, want)
	}
	if w.dispatch(first.ID) != nil {
		t.Fatal("a limit has cost a try or the message")
	}
}

// R19: a message in backoff holds later ones of its conversation for 30 s at most.
func TestBackoffHoldsLaterMessagesForHalfAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	first, second := w.send(conversation, "1"), w.send(conversation, "2")
	w.vendor.behave(func(c *vendorCall) answer {
		if c.Message == first.ID.String() {
			return answer{class: channel.Transient}
		}
		return answer{take: true}
	})
	w.drain() // and its repetition after a second, for which the drain stays
	w.later(6 * time.Second)
	w.wantStatus(second.ID, inbox.MessageQueued)
	w.later(25 * time.Second)
	w.wantStatus(second.ID, inbox.MessageSent)
	w.wantStatus(first.ID, inbox.MessageQueued)
}

// R82: a message that stops its worker three times is poison, whether the call panics or the process dies.
func TestPoison(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	panics, dies := w.send(w.tenant.Conversation(w.account), "panics"), w.send(w.tenant.Conversation(w.account), "dies")
	w.vendor.behave(func(c *vendorCall) answer {
		return answer{panics: c.Message == panics.ID.String(), take: c.Message != panics.ID.String()}
	})
	for range 3 {
		w.claimAndDie(dies.ID)
		w.drain()
		w.later(61 * time.Second) // the lease runs out
	}
	for range 4 {
		w.later(61 * time.Second) // no receipt comes for the calls that panicked
	}
	for _, m := range []inbox.Message{panics, dies} {
		if failed := w.wantStatus(m.ID, inbox.MessageFailed); failed.FailedCode != outbound.CodePoison {
			t.Errorf("failed with %s", failed.FailedCode)
		}
	}
	if n := len(w.attempts(panics.ID)); n != 3 {
		t.Errorf("%d calls for the message that panics, want 3", n)
	}
}

// claimAndDie does what a process does that dies during its call.
func (w *world) claimAndDie(message uuid.UUID) {
	w.t.Helper()
	w.Exec(`WITH d AS (UPDATE dispatches SET state = 'SENDING', attempt = attempt + 1, due_at = app.now() + interval '60 seconds'
			WHERE message_id = $1 RETURNING *)
		INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome)
		SELECT tenant_id, $2, message_id, channel_account_id, attempt, app.now(), 'SENDING' FROM d`, message, inboxtest.NewID())
}

// An acceptance that is recorded after its lease was lost still stores the id, and the message is not sent again.
func TestLateAcceptanceIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "late")
	answered, begun := make(chan struct{}), make(chan struct{})
	w.vendor.behave(func(*vendorCall) answer {
		close(begun)
		return answer{take: true, wait: answered}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.drain()
	}()
	<-begun
	// While the call is under way somebody else finds its lease expired and gives the message another attempt.
	w.Exec("UPDATE dispatches SET state = 'READY', attempt = attempt + 1, due_at = app.now() + interval '1 hour' WHERE message_id = $1", m.ID)
	close(answered)
	<-done
	if sent := w.wantStatus(m.ID, inbox.MessageSent); sent.ExternalID == "" || w.dispatch(m.ID) != nil {
		t.Fatalf("after a late acceptance: %+v, %+v", sent, w.dispatch(m.ID))
	}
	w.later(2 * time.Hour)
	w.wantCalls(1)
}

func TestExpiredAndShutMessagesFailVisibly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shut, expired := w.send(w.tenant.Conversation(w.account), "shut"), w.send(w.tenant.Conversation(w.account), "expired")
	w.Exec("UPDATE conversations SET last_inbound_at = now() - interval '25 hours' WHERE id = $1", shut.ConversationID)
	w.Exec("UPDATE dispatches SET expires_at = now() - interval '1 second' WHERE message_id = $1", expired.ID)
	w.drain()
	w.wantCalls(0)
	if m := w.wantStatus(shut.ID, inbox.MessageFailed); m.FailedCode != outbound.CodeWindowClosed {
		t.Errorf("outside the window: %s", m.FailedCode)
	}
	if m := w.wantStatus(expired.ID, inbox.MessageFailed); m.FailedCode != outbound.CodeExpired {
		t.Errorf("expired: %s", m.FailedCode)
	}
	if n := w.Int("SELECT count(*) FROM dispatches") + w.Int("SELECT count(*) FROM delivery_attempts"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// Retries have just fallen due, ten minutes after they were queued, when the process is told to stop: what it has claimed ahead is given back without a
// call, and has been due for seconds. Nobody is told that it is stuck.
func TestWhatIsGivenBackIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 4 })
	w.sendMany(200)
	w.Exec("UPDATE app.clock SET shift = interval '10 minutes'")
	w.Exec("UPDATE dispatches SET attempt = 5, tries = 5, passable_at = now() + interval '1 minute', due_at = app.now() - interval '1 second'")
	begun, held := make(chan struct{}, 200), make(chan struct{})
	var calls atomic.Int64
	w.vendor.behave(func(*vendorCall) answer {
		if calls.Add(1) <= 80 { // so many that it claims further ahead than it calls
			return answer{take: true}
		}
		begun <- struct{}{}
		return answer{take: true, wait: held}
	})
	w.stopDuring(4, begun, held)
	if n := w.Int("SELECT count(*) FROM dispatches WHERE state = 'READY' AND attempt = 6"); n == 0 {
		t.Fatal("nothing was claimed and given back")
	}
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
}
