package outbound_test

import (
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// R15: the observed calls and pauses are the table's.
func TestTransientFailuresFollowTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "try")
	w.vendor.behave(refuse(channel.Transient))
	w.Exec("INSERT INTO lanes (tenant_id, channel_account_id) VALUES ($1, $2)", w.tenant.ID.UUID(), w.account)
	w.drain()
	for i, pause := range outbound.Backoffs()[1:] {
		w.Exec("UPDATE lanes SET failures = 0") // this is about one message; the breaker has tests of its own
		d := w.dispatch(m.ID)
		if d == nil || d.Tries != i+2 {
			t.Fatalf("before the pause of %s: %+v", pause, d)
		}
		left := time.Duration(w.Int("SELECT (extract(epoch FROM due_at - app.now()) * 1000)::bigint FROM dispatches")) * time.Millisecond
		if left > pause || left < pause-3*time.Second {
			t.Fatalf("after %d failures it waits %s, want %s", i+2, left, pause)
		}
		w.later(left)
	}
	w.wantCalls(7)
	if failed := w.wantStatus(m.ID, inbox.MessageFailed); failed.FailedCode != "no" || failed.FailedReason != "The vendor says no." {
		t.Fatalf("failed with %+v", failed)
	}
	w.wantAlert(outbound.AlertFollowUp, 1)
}

// wantAlert checks how many alerts of the kind are open, and that each was told by an event.
func (w *world) wantAlert(kind outbound.AlertKind, want int64) {
	w.t.Helper()
	open := w.Int("SELECT count(*) FROM alerts WHERE kind = $1 AND closed_at IS NULL", string(kind))
	told := w.Int("SELECT count(*) FROM alerts a JOIN events e ON e.alert_id = a.id AND e.kind = 'ALERT_OPENED' "+
		"WHERE a.kind = $1 AND a.closed_at IS NULL", string(kind))
	if open != want || told != want {
		w.t.Fatalf("%d %s alerts are open and %d were told, want %d", open, kind, told, want)
	}
}

func TestRefusalsThatAreFinal(t *testing.T) {
	t.Parallel()
	for class, want := range map[channel.Class]struct{ followUps, templates, invalid int64 }{
		channel.Permanent:        {followUps: 1},
		channel.InvalidRecipient: {followUps: 1, invalid: 1},
		channel.TemplateMissing:  {templates: 1},
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.send(w.tenant.Conversation(w.account), "try")
			w.vendor.behave(refuse(class))
			w.drain()
			w.later(time.Hour)
			w.wantCalls(1)
			w.wantStatus(m.ID, inbox.MessageFailed)
			w.wantAlert(outbound.AlertFollowUp, want.followUps)
			w.wantAlert(outbound.AlertTemplateMissing, want.templates)
			if n := w.Int("SELECT count(*) FROM conversations WHERE follow_up_at IS NOT NULL"); n != want.followUps {
				t.Errorf("%d conversations are flagged, want %d", n, want.followUps)
			}
			if n := w.Int("SELECT count(*) FROM contact_identities WHERE invalid_at IS NOT NULL"); n != want.invalid {
				t.Errorf("%d identities are invalid, want %d", n, want.invalid)
			}
		})
	}
}

// R17: five failures in a row open the breaker of one account. Nothing goes for a minute, then one probe in the whole fleet; no tries are
// burnt, and all resume when the probe succeeds.
func TestBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	messages := w.sendMany(12)
	other := w.addAccount(w.tenant, "other")
	w.vendor.behave(refuse(channel.Transient))
	w.drain()
	w.wantCalls(5)
	w.wantAlert(outbound.AlertBreakerOpen, 1)
	w.wantHeld(outbound.HoldBreaker, messages...)
	w.later(50 * time.Second)
	w.wantCalls(5)
	fleet := []*outbound.Outbound{w.out, w.process(), w.process()}
	w.Exec("UPDATE app.clock SET shift = shift + interval '11 seconds'")
	var drains sync.WaitGroup
	for i := range 12 {
		drains.Go(func() { _, _, _ = fleet[i%3].Drain(t.Context(), w.tenant.ID, w.account) })
	}
	drains.Wait()
	w.wantCalls(6)
	burnt := w.Int("SELECT sum(tries) FROM dispatches")
	if burnt > 5 {
		t.Fatalf("%d tries were burnt, want at most the 5 that opened it", burnt)
	}
	if n := w.Int("SELECT count(*) FROM lanes WHERE channel_account_id = $1 AND breaker_opened_at IS NOT NULL", other); n != 0 {
		t.Fatal("another account's breaker opened")
	}
	w.vendor.behave(take)
	w.later(61 * time.Second)
	eventually(t, "all resume", func() bool { w.later(time.Minute); return w.Int("SELECT count(*) FROM dispatches") == 0 })
	for _, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
	}
	w.wantAlert(outbound.AlertBreakerOpen, 0)
}

func TestBreakerForAnHourFailsWhatItHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	w.sendMany(6)
	w.vendor.behave(refuse(channel.Transient))
	w.drain()
	w.later(59 * time.Minute)
	if n := w.Int("SELECT count(*) FROM messages WHERE status = 'FAILED'"); n != 0 {
		t.Fatalf("%d failed early", n)
	}
	w.later(2 * time.Minute)
	w.later(time.Minute)
	if n := w.Int("SELECT count(*) FROM messages WHERE status = 'FAILED' AND failed_code = 'PROVIDER_DOWN'"); n != 6 {
		t.Fatalf("%d of 6 failed", n)
	}
	w.wantAlert(outbound.AlertFollowUp, 6)
}

func TestLimitHoldsTheLaneVisiblyAndCostsNoTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	messages := w.sendMany(5)
	w.vendor.behave(func(c *vendorCall) answer { return answer{class: channel.RateLimited, retryAfter: 90 * time.Minute} })
	w.drain()
	if wait := w.Int("SELECT extract(epoch FROM limited_until - app.now())::bigint FROM lanes"); wait > 3600 || wait < 3590 {
		t.Fatalf("the lane waits %d s; an hour is the most", wait)
	}
	w.wantCalls(1)
	w.later(10 * time.Minute)
	w.wantCalls(1)
	if n := w.Int("SELECT sum(tries) FROM dispatches"); n != 0 {
		t.Fatalf("%d tries were counted", n)
	}
	w.wantHeld(outbound.HoldRateLimit, messages...)
	w.sweep()
	w.sweep()
	w.wantAlert(outbound.AlertRateLimited, 1)
	w.wantAlert(outbound.AlertStuck, 0)
	w.vendor.behave(take)
	w.later(51 * time.Minute)
	for _, m := range messages {
		w.wantStatus(m.ID, inbox.MessageSent)
	}
	w.sweep()
	w.wantAlert(outbound.AlertRateLimited, 0)
}

// The limit of one recipient holds his messages, in their order, and nobody else's.
func TestLimitOfOneRecipientHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *outbound.Config) { c.InFlight = 1 })
	busy := w.tenant.Conversation(w.account)
	first, second := w.send(busy, "1"), w.send(busy, "2")
	w.vendor.behave(func(c *vendorCall) answer {
		if c.Message == first.ID.String() && c.no <= 2 {
			return answer{class: channel.RateLimited, retryAfter: 6 * time.Second, pair: true}
		}
		return answer{take: true}
	})
	w.drain()
	w.wantCalls(1)
	others := w.sendMany(3)
	w.drain()
	for _, m := range others {
		w.wantStatus(m.ID, inbox.MessageSent)
	}
	w.wantCalls(4)
	if n := w.Int("SELECT count(*) FROM lanes WHERE limited_until IS NOT NULL OR hold IS NOT NULL"); n != 0 {
		t.Fatal("the whole lane is limited")
	}
	w.later(7 * time.Second)
	w.wantCalls(5)
	w.later(20 * time.Second) // it waits four times as long now
	w.wantCalls(5)
	if d := w.dispatch(first.ID); d == nil || d.Tries != 0 {
		t.Fatalf("the limit has cost a try: %+v", d)
	}
	w.later(5 * time.Second)
	w.wantCalls(7)
	calls := w.vendor.seen()
	if calls[5].Message != first.ID.String() || calls[6].Message != second.ID.String() {
		t.Fatal("the messages of one person changed places")
	}
	w.sweep()
	w.wantAlert(outbound.AlertRateLimited, 0)
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(w.tenant.Conversation(w.account), "try")
	w.setToken(w.tenant, w.account, "revoked")
	w.drain()
	if n := len(w.attempts(m.ID)); n != 2 {
		t.Fatalf("%d attempts, want one and one more with credentials read afresh", n)
	}
	w.wantAlert(outbound.AlertNeedsReauth, 1)
	if n := w.Int("SELECT count(*) FROM channel_accounts WHERE status = 'NEEDS_REAUTH'"); n != 1 {
		t.Fatal("the account is not marked")
	}
	later := w.send(w.tenant.Conversation(w.account), "meanwhile")
	w.later(10 * time.Minute)
	for _, id := range []inbox.Message{m, later} {
		if d := w.dispatch(id.ID); d == nil || d.Hold != outbound.HoldReauth || !d.Until.Equal(d.ExpiresAt) {
			t.Fatalf("not visibly held until it expires: %+v", d)
		}
	}
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.setToken(w.tenant, w.account, "let me in")
	w.Exec("UPDATE channel_accounts SET status = 'ACTIVE'")
	w.sweep()
	w.wantAlert(outbound.AlertNeedsReauth, 0)
	w.drain()
	w.wantStatus(m.ID, inbox.MessageSent)
	w.wantStatus(later.ID, inbox.MessageSent)
}
