package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

func factsOf(base time.Time) []channel.StatusChanged {
	return []channel.StatusChanged{
		{Status: channel.StatusSent, At: base},
		{Status: channel.StatusDelivered, At: base.Add(time.Second)},
		{Status: channel.StatusRead, At: base.Add(2 * time.Second)},
		{Status: channel.StatusFailed, At: base.Add(time.Second), Code: "131000", Reason: "no"},
		{Status: channel.StatusFailed, At: base.Add(time.Second), Code: "130000", Reason: "no way", Class: channel.InvalidRecipient},
	}
}

// R23 through the real SQL: every order of five facts, each also doubled, ends in the same row; R24: what events tell only rises.
func TestReceiptsKnowNoOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	orders := permutations(5)
	messages := w.sendMany(len(orders))
	w.drain()
	attempts := make([]outbound.Attempt, len(messages))
	for i, m := range messages {
		attempts[i] = w.attempts(m.ID)[0]
	}
	facts := factsOf(base)
	// Every message receives its facts in its own order, half of them twice; all messages take a step together, as one batch.
	for step := range 5 {
		var batch []inbox.Receipt
		for i, order := range orders {
			r := inbox.Receipt{ChannelAccountID: w.account, StatusChanged: facts[order[step]]}
			r.ExternalID = attempts[i].ExternalID
			if i%3 == 0 {
				r.AttemptID = attempts[i].ID.String()
			}
			batch = append(batch, r)
			if i%2 == 0 {
				batch = append(batch, r)
			}
		}
		w.receive(batch...)
	}
	want := ""
	for i, m := range messages {
		got := w.message(m.ID)
		row := fmt.Sprint(got.Status, got.FailedCode, got.FailedReason, *got.SentAt, *got.DeliveredAt, *got.ReadAt, got.FailedAt)
		if want == "" {
			want = row
		}
		if row != want {
			t.Fatalf("order %v ends as %s, others as %s", orders[i], row, want)
		}
	}
	if m := w.message(messages[0].ID); m.Status != inbox.MessageRead || !m.SentAt.Equal(base) || !m.ReadAt.Equal(base.Add(2*time.Second)) {
		t.Fatalf("ends as %+v", m)
	}
	w.wantRising()
}

// wantRising checks that no message's events ever went back, and that the last of them tells where it is.
func (w *world) wantRising() {
	w.t.Helper()
	if n := w.Int(`SELECT count(*) FROM (SELECT rank, lag(rank) OVER (PARTITION BY message_id ORDER BY seq) AS before FROM (
		SELECT message_id, seq, array_position(ARRAY['QUEUED', 'SENT', 'FAILED', 'DELIVERED', 'READ'], message_status_after) AS rank
		FROM events WHERE kind = 'MESSAGE_STATUS_CHANGED') e) x WHERE before >= rank`); n != 0 {
		w.t.Fatalf("%d events do not rise", n)
	}
	if n := w.Int(`SELECT count(*) FROM messages m WHERE m.direction = 'OUTBOUND' AND m.status <> 'QUEUED' AND m.status IS DISTINCT FROM
		(SELECT message_status_after FROM events e WHERE e.message_id = m.id AND e.kind = 'MESSAGE_STATUS_CHANGED' ORDER BY e.seq DESC LIMIT 1)`); n != 0 {
		w.t.Fatalf("%d messages are elsewhere than their last event says", n)
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := 0; i <= len(p); i++ {
			q := append(append(append([]int{}, p[:i]...), n-1), p[i:]...)
			all = append(all, q)
		}
	}
	return all
}

func TestRepeatedReceiptsAreDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "hi")
	w.drain()
	at := time.Now().Add(time.Hour)
	r := w.receipt(w.message(m.ID).ExternalID, channel.StatusDelivered, at)
	stray := w.receipt("nobody's", channel.StatusRead, at)
	for i, want := range [][]inbox.Outcome{
		{inbox.Applied, inbox.Duplicate, inbox.Applied}, {inbox.Duplicate, inbox.Duplicate, inbox.Duplicate},
	} {
		if told := w.receive(r, r, stray); fmt.Sprint(told) != fmt.Sprint(want) {
			t.Fatalf("time %d: %v, want %v", i+1, told, want)
		}
	}
}

// A receipt that overtakes the answer of the call is parked and applied with the id, whichever side is first.
func TestReceiptsOvertakeTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	messages := w.sendMany(20)
	w.vendor.behave(func(c *vendorCall) answer {
		go func() { // beside the answer: sometimes before it is recorded, sometimes after
			r := w.receipt("ext-"+c.Attempt, channel.StatusDelivered, time.Now())
			_ = w.DB.InTenant(context.WithoutCancel(t.Context()), w.tenant.ID, func(tx inbox.Tx) error {
				_, err := w.apply(tx, r)
				return err
			})
		}()
		return answer{take: true}
	})
	w.drain()
	eventually(t, "all are delivered", func() bool { return w.Int("SELECT count(*) FROM messages WHERE status = 'DELIVERED'") == 20 })
	if n := w.Int("SELECT count(*) FROM parked_facts"); n != 0 {
		t.Fatalf("%d receipts are stranded", n)
	}
	w.wantRising()
	w.wantCalls(len(messages))
}

// R25: a receipt through another account, or another tenant, changes nothing, whatever ids it guesses.
func TestReceiptsDoNotCross(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "hi")
	w.drain()
	sent := w.message(m.ID)
	attempt := w.attempts(m.ID)[0]
	forged := w.receipt(sent.ExternalID, channel.StatusRead, time.Now())
	forged.AttemptID = attempt.ID.String()
	forged.ChannelAccountID = w.addAccount(w.tenant, "other")
	w.receive(forged)
	stranger := w.Tenant("stranger")
	forged.ChannelAccountID = w.addAccount(stranger, "theirs")
	err := w.DB.InTenant(t.Context(), stranger.ID, func(tx inbox.Tx) error {
		_, err := w.apply(tx, forged)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := w.message(m.ID); after.Version != sent.Version || after.Status != inbox.MessageSent {
		t.Fatalf("a forged receipt changed %+v to %+v", sent, after)
	}
}

func TestFailedReceiptFlagsTheConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "hi")
	w.drain()
	r := w.receipt(w.message(m.ID).ExternalID, channel.StatusFailed, time.Now())
	r.Code, r.Reason, r.Class = "131026", "Not on WhatsApp.", channel.InvalidRecipient
	w.receive(r)
	w.receive(r)
	if failed := w.wantStatus(m.ID, inbox.MessageFailed); failed.FailedCode != "131026" {
		t.Fatalf("failed with %s", failed.FailedCode)
	}
	w.wantAlert(outbound.AlertFollowUp, 1)
	if n := w.Int("SELECT count(*) FROM contact_identities WHERE invalid_at IS NOT NULL AND invalid_reason = 'Not on WhatsApp.'"); n != 1 {
		t.Fatalf("%d identities are invalid", n)
	}
	if n := w.Int("SELECT count(*) FROM events WHERE kind = 'CONVERSATION_FLAGGED'"); n != 1 {
		t.Fatalf("%d events tell of the flag", n)
	}
	w.Exec("UPDATE conversations SET follow_up_at = NULL")
	w.sweep()
	w.wantAlert(outbound.AlertFollowUp, 0)
}

// Four workers apply the same facts at once; nothing is lost, doubled or stuck.
func TestReceiptsApplyConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	messages := w.sendMany(10)
	w.drain()
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = w.message(m.ID).ExternalID
	}
	var workers sync.WaitGroup
	for n := range 4 {
		workers.Go(func() {
			for i := range ids {
				id := ids[(i*7+n*3)%len(ids)]
				for _, s := range []channel.Status{channel.StatusRead, channel.StatusSent, channel.StatusDelivered} {
					w.receive(w.receipt(id, s, time.Now()))
				}
			}
		})
	}
	workers.Wait()
	for _, m := range messages {
		w.wantStatus(m.ID, inbox.MessageRead)
	}
	w.wantRising()
}

// The locks of all transactions of a cluster share one table, and whoever comes when it is full is refused, whose tenant he may be: however many receipts
// a webhook brings, it takes few.
func TestReceiptsTakeFewLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refs := make([]outbound.Ref, 10_000)
	for i := range refs {
		refs[i] = outbound.Ref{ChannelAccountID: w.account, ExternalID: fmt.Sprint("wamid.", i)}
	}
	err := w.DB.Outbound().InTenant(t.Context(), w.tenant.ID, func(tx outbound.Tx) error {
		for _, some := range [][]outbound.Ref{refs, refs[:1], refs} { // item by item, too, once they are applied one by one
			if err := tx.LockReceipts(t.Context(), some); err != nil {
				return err
			}
		}
		if _, err := tx.FactsByMessageIDs(t.Context(), []uuid.UUID{uuid.New()}); err != nil { // an answer, so that all before has run
			return err
		}
		held := w.Int("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
		if held == 0 || held > 128 {
			t.Errorf("receipts of %d messages hold %d locks", len(refs), held)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestParkedReceiptsAreGivenUpAfterAWeek(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.receive(w.receipt("unknown "+uuid.NewString(), channel.StatusSent, time.Now()))
	w.Shift(6 * 24 * time.Hour)
	w.sweep()
	if w.Int("SELECT count(*) FROM parked_facts") != 1 {
		t.Fatal("given up too early")
	}
	w.Shift(8 * 24 * time.Hour)
	w.sweep()
	if w.Int("SELECT count(*) FROM parked_facts") != 0 {
		t.Fatal("kept for ever")
	}
}

// A template that the provider does not take alerts for the account, whatever else is reported about the message beside it.
func TestRefusedTemplateIsNobodysFollowUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "hi")
	w.drain()
	external := w.message(m.ID).ExternalID
	refused := w.receipt(external, channel.StatusFailed, time.Now())
	refused.Code, refused.Class = "132001", channel.TemplateMissing
	w.receive(refused, w.receipt(external, channel.StatusSent, time.Now()))
	w.wantStatus(m.ID, inbox.MessageFailed)
	w.wantAlert(outbound.AlertTemplateMissing, 1)
	w.wantAlert(outbound.AlertFollowUp, 0)
}

// TestReceiptsWaitForTheConversation holds a conversation in a transaction that snoozes it while a receipt comes: what the receipt's event
// says about the conversation is what holds at its number.
func TestReceiptsWaitForTheConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	m := w.send(conversation, "hi")
	w.drain()
	r := w.receipt(w.message(m.ID).ExternalID, channel.StatusDelivered, time.Now().Add(time.Hour))
	received := make(chan error, 1)
	err := w.DB.InTenant(t.Context(), w.tenant.ID, func(tx inbox.Tx) error {
		locked, err := tx.LockConversations(t.Context(), []uuid.UUID{conversation})
		if err != nil {
			return err
		}
		go func() {
			received <- w.DB.InTenant(t.Context(), w.tenant.ID, func(other inbox.Tx) error {
				_, err := w.apply(other, r)
				return err
			})
		}()
		for len(received) == 0 && w.Int("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
			runtime.Gosched() // until the receipt waits, or has not waited
		}
		until := time.Now().Add(time.Hour)
		c := locked[0]
		c.Status, c.SnoozedUntil = inbox.StatusSnoozed, &until
		c.SnoozeGen++
		c.Version++
		return tx.UpdateConversations(t.Context(), []inbox.Conversation{c})
	})
	if err := errors.Join(err, <-received); err != nil {
		t.Fatal(err)
	}
	if n := w.Int("SELECT count(*) FROM events WHERE message_status_after = 'DELIVERED' AND status_after = 'SNOOZED'"); n != 1 {
		t.Errorf("%d events say that the message was delivered in a snoozed conversation, want 1", n)
	}
}
