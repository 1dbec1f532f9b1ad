package outbound_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// wantHeld checks that all these messages say that they are held, since when and until when.
func (w *world) wantHeld(want outbound.Hold, messages ...inbox.Message) {
	w.t.Helper()
	ids := make([]uuid.UUID, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	w.wantAllHeld(want, ids)
}

func (w *world) wantAllHeld(want outbound.Hold, ids []uuid.UUID) {
	w.t.Helper()
	var found []outbound.Dispatch
	err := w.DB.Outbound().ReadTenant(w.t.Context(), w.tenant.ID, func(tx outbound.Tx) (err error) {
		found, err = tx.DispatchesByIDs(w.t.Context(), ids)
		return err
	})
	if err != nil || len(found) != len(ids) {
		w.t.Fatalf("%d of %d are unfinished, %v", len(found), len(ids), err)
	}
	for _, d := range found {
		if d.Hold != want || (want != outbound.HoldNone && (d.HeldSince == nil || d.Until.Before(*d.HeldSince))) {
			w.t.Fatalf("held by %q since %v until %v, want %q", d.Hold, d.HeldSince, d.Until, want)
		}
	}
}

// deep queues n messages in as many conversations and returns their ids.
func (w *world) deep(n int) (ids []uuid.UUID) {
	w.t.Helper()
	first := w.send(w.tenant.Conversation(w.account), "the first")
	w.Exec(`WITH c AS (
	    INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, status, resolved_at, resolved_at_seq, last_message_at, last_inbound_at, created_at)
	    SELECT tenant_id, gen_random_uuid(), contact_id, channel_account_id, 'RESOLVED', now(), 0, now(), now(), now()
	    FROM conversations, generate_series(2, $2) WHERE id = $1 RETURNING *
	  ), m AS (
	    INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at)
	    SELECT tenant_id, gen_random_uuid(), id, channel_account_id, 1, 'OUTBOUND', 'TEXT', 'one of many', 'RECONCILE_THEN_RETRY', 'QUEUED', now() FROM c RETURNING *)
	  INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
	  SELECT tenant_id, id, channel_account_id, conversation_id, seq, 'READY', now(), now(), now() + interval '1 day' FROM m`,
		first.ConversationID, n)
	for id := range strings.FieldsSeq(w.Text("SELECT string_agg(message_id::text, ' ') FROM dispatches WHERE tenant_id = $1", w.tenant.ID.UUID())) {
		ids = append(ids, uuid.MustParse(id))
	}
	return ids
}

// R17 holds at any depth: every message behind an open breaker is explained, none is called stuck, and all fail after an hour.
func TestDeepQueueBehindABreaker(t *testing.T) {
	t.Parallel()
	const n = 3000
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	w.vendor.behave(refuse(channel.Transient))
	w.Exec("INSERT INTO lanes (tenant_id, channel_account_id, failures, breaker_opened_at, probe_at) VALUES ($1, $2, 5, now(), now() + interval '1 minute')",
		w.tenant.ID.UUID(), w.account)
	ids := w.deep(n)
	if len(ids) != n {
		t.Fatalf("%d messages are queued", len(ids))
	}
	w.drain()
	w.wantAllHeld(outbound.HoldBreaker, ids)
	for range 3 { // each look at the lane is a probe: its message must not wait for longer than the others
		w.later(15 * time.Minute)
		w.sweep()
	}
	w.wantAlert(outbound.AlertStuck, 0)
	w.wantCalls(3)
	w.wantAllHeld(outbound.HoldBreaker, ids)
	looks := 3
	eventually(t, "all have failed", func() bool {
		looks++
		w.later(16 * time.Minute)
		return w.Int("SELECT count(*) FROM messages WHERE failed_code = 'PROVIDER_DOWN'") == n
	})
	w.wantCalls(looks) // a probe each, before anything fails
}

// What a lane is held by when its workers come back, or when credentials are renewed, is tried before it fails: nobody has asked the provider.
func TestNothingFailsBeforeItIsTried(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]outbound.Hold{"no worker for hours": outbound.HoldBreaker, "no credentials for hours": outbound.HoldReauth} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			messages := w.sendMany(5)
			w.Exec(`INSERT INTO lanes (tenant_id, channel_account_id, failures, breaker_opened_at, probe_at, hold, held_since)
				VALUES ($1, $2, 5, now(), now(), $3, now())`, w.tenant.ID.UUID(), w.account, string(hold))
			w.Exec("UPDATE app.clock SET shift = interval '2 hours'")
			w.drain()
			for _, m := range messages {
				w.wantStatus(m.ID, inbox.MessageSent)
			}
			w.wantHeld(outbound.HoldNone)
		})
	}
}

// A lane that nobody has looked at since it was shut says nothing yet; the facts do, and nothing of it is stuck.
func TestFactsExplainBeforeTheLaneDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendMany(2)
	w.Exec("INSERT INTO lanes (tenant_id, channel_account_id) VALUES ($1, $2)", w.tenant.ID.UUID(), w.account)
	w.Exec("UPDATE app.clock SET shift = interval '20 minutes'")
	stuck := func() int64 { return w.Int("SELECT count(*) FROM app.stuck_dispatches(interval '5 minutes', 10)") }
	for _, fact := range []struct{ shut, open string }{
		{"UPDATE lanes SET breaker_opened_at = now()", "UPDATE lanes SET breaker_opened_at = NULL"},
		{"UPDATE lanes SET limited_until = now() + interval '1 hour'", "UPDATE lanes SET limited_until = NULL"},
		{"UPDATE channel_accounts SET status = 'NEEDS_REAUTH'", "UPDATE channel_accounts SET status = 'ACTIVE'"},
	} {
		if n := stuck(); n != 2 {
			t.Fatalf("%d are stuck, want 2", n)
		}
		w.Exec(fact.shut)
		if n := stuck(); n != 0 {
			t.Errorf("after %q %d are stuck", fact.shut, n)
		}
		w.Exec(fact.open)
	}
}

// Waiting counts anew once a hold is over: what has been let go is not stuck before 5 minutes have passed.
func TestFreedQueueIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	messages := w.sendMany(3)
	w.Exec("INSERT INTO lanes (tenant_id, channel_account_id, hold, held_since) VALUES ($1, $2, 'BREAKER', now())", w.tenant.ID.UUID(), w.account)
	w.Exec("UPDATE app.clock SET shift = interval '20 minutes'")
	w.wantHeld(outbound.HoldBreaker, messages...)
	err := w.DB.Outbound().InTenant(t.Context(), w.tenant.ID, func(tx outbound.Tx) error {
		_, err := tx.FreeLane(t.Context(), w.account, outbound.HoldBreaker, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.wantHeld(outbound.HoldNone, messages...)
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.Exec("UPDATE app.clock SET shift = shift + interval '301 seconds'")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 3)
}

// R18: between two tokens a queue is not shown as held before it has waited for a minute, and it is no longer once nothing waits for long.
func TestQueueBehindARateIsHeldVisibly(t *testing.T) {
	t.Parallel()
	tokens := &purse{}
	w := newWorld(t)
	w.out = w.limited(tokens)
	messages := w.sendMany(4)
	w.drain()
	w.wantHeld(outbound.HoldNone, messages...)
	w.later(61 * time.Second)
	w.wantHeld(outbound.HoldRateLimit, messages...)
	w.later(5 * time.Minute)
	w.sweep()
	w.sweep()
	w.wantAlert(outbound.AlertRateLimited, 1)
	w.wantAlert(outbound.AlertStuck, 0)
	tokens.tokens.Store(100)
	w.drain()
	w.wantCalls(4)
	if n := w.Int("SELECT count(*) FROM lanes WHERE hold IS NOT NULL"); n != 0 {
		t.Fatal("the lane is still held")
	}
	w.sweep()
	w.wantAlert(outbound.AlertRateLimited, 0)
}

// What has been called and waits behind hundreds that are younger fails at its time all the same, however long its lane is held.
func TestExpiryBehindAHoldIsNotLate(t *testing.T) {
	t.Parallel()
	givenBack := func(ctx context.Context, tx outbound.Tx, _, old uuid.UUID) error {
		return tx.StepDispatches(ctx, []outbound.Step{{MessageID: old, Attempt: 1, State: outbound.Ready}})
	}
	for name, called := range map[string]struct {
		how  string
		then func(ctx context.Context, tx outbound.Tx, account, old uuid.UUID) error // once it is due
	}{
		"failed":    {how: "passable_at = now()"},
		"limited":   {how: "hold = 'RECIPIENT', held_since = now()"},
		"held lane": {how: "passable_at = now(), hold = 'RATE_LIMIT'"},
		"failed, and ordered again after a hold": {"passable_at = now()", func(ctx context.Context, tx outbound.Tx, account, _ uuid.UUID) error {
			n, err := tx.OrderAgain(ctx, account, outbound.HoldBreaker, 1000)
			if err == nil && n != 1 {
				err = fmt.Errorf("%d were ordered again", n)
			}
			return err
		}},
		"claimed, and given back without a call": {"attempt = 1", givenBack},
		"limited, claimed, and given back":       {"attempt = 1, hold = 'RECIPIENT', held_since = now()", givenBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			old := w.send(w.tenant.Conversation(w.account), "old")
			w.deep(300)
			w.Exec("UPDATE dispatches SET due_at = now() + interval '1 hour', expires_at = now() + interval '2 hours', "+called.how+" WHERE message_id = $1", old.ID)
			w.Exec("UPDATE app.clock SET shift = interval '61 minutes'")
			if called.then != nil {
				err := w.DB.Outbound().InTenant(t.Context(), w.tenant.ID, func(tx outbound.Tx) error {
					return called.then(t.Context(), tx, w.account, old.ID)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			w.Exec("UPDATE channel_accounts SET status = 'NEEDS_REAUTH'")
			w.later(58 * time.Minute)
			w.wantStatus(old.ID, inbox.MessageQueued)
			w.later(2 * time.Minute)
			if m := w.wantStatus(old.ID, inbox.MessageFailed); m.FailedCode != outbound.CodeExpired {
				t.Errorf("it failed with %s", m.FailedCode)
			}
			w.wantAlert(outbound.AlertFollowUp, 1)
			if n := w.Int("SELECT count(*) FROM messages WHERE status = 'QUEUED'"); n != 300 {
				t.Errorf("%d wait, want 300", n)
			}
		})
	}
}
