package outbound

import (
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// R15: what each class leads to, for a message that has used some of its tries.
func TestTableOfErrors(t *testing.T) {
	t.Parallel()
	calm := weather{jitter: func() float64 { return 1 }}
	open := weather{wasOpen: true, isOpen: true, jitter: calm.jitter}
	for name, c := range map[string]struct {
		due    Due
		err    channel.SendError
		w      weather
		state  State // "": it failed
		wait   time.Duration
		tries  int
		hold   Hold
		limit  time.Duration
		reauth bool
	}{
		"first transient":  {err: channel.SendError{Class: channel.Transient}, w: calm, state: Ready, wait: time.Second, tries: 1},
		"fourth transient": {due: Due{Tries: 3}, err: channel.SendError{Class: channel.Transient}, w: calm, state: Ready, wait: time.Minute, tries: 4},
		"sixth transient": {
			due: Due{Tries: 5}, err: channel.SendError{Class: channel.Transient}, w: calm, state: Ready, wait: 15 * time.Minute, tries: 6,
		},
		"seventh transient": {due: Due{Tries: 6}, err: channel.SendError{Class: channel.Transient}, w: calm},
		"while open": {
			due: Due{Tries: 6}, err: channel.SendError{Class: channel.Transient}, w: open, state: Ready, tries: 6, hold: HoldBreaker,
		},
		"unknown": {err: channel.SendError{Class: channel.Transient, OutcomeUnknown: true}, w: calm, state: Unknown, wait: 110 * time.Second},
		"limited": {
			err: channel.SendError{Class: channel.RateLimited, RetryAfter: 9 * time.Second}, w: calm, state: Ready, wait: 9 * time.Second,
			hold: HoldRateLimit, limit: 9 * time.Second,
		},
		"limited for ever": {
			err: channel.SendError{Class: channel.RateLimited, RetryAfter: 99999999 * time.Second}, w: calm, state: Ready, wait: time.Hour,
			hold: HoldRateLimit, limit: time.Hour,
		},
		"limited into the past": {
			err: channel.SendError{Class: channel.RateLimited, RetryAfter: -time.Second}, w: calm, state: Ready, wait: time.Minute,
			hold: HoldRateLimit, limit: time.Minute,
		},
		"one recipient": {
			due: Due{Attempt: 1, Tries: 2, AuthRetried: true}, err: channel.SendError{Class: channel.RateLimited, OneRecipient: true, RetryAfter: 6 * time.Second},
			w: calm, state: Ready, wait: 6 * time.Second, tries: 2, hold: holdRecipient,
		},
		"one recipient again": {
			due: Due{Attempt: 2}, err: channel.SendError{Class: channel.RateLimited, OneRecipient: true, RetryAfter: 6 * time.Second},
			w: calm, state: Ready, wait: 24 * time.Second, hold: holdRecipient,
		},
		"one recipient for long": {
			due: Due{Attempt: 99}, err: channel.SendError{Class: channel.RateLimited, OneRecipient: true, RetryAfter: 6 * time.Second},
			w: calm, state: Ready, wait: time.Minute, hold: holdRecipient,
		},
		"one recipient for longer": {
			due: Due{Attempt: 2}, err: channel.SendError{Class: channel.RateLimited, OneRecipient: true, RetryAfter: 2 * time.Hour},
			w: calm, state: Ready, wait: time.Hour, hold: holdRecipient,
		},
		"first auth":  {err: channel.SendError{Class: channel.Auth}, w: calm, state: Ready},
		"second auth": {due: Due{AuthRetried: true}, err: channel.SendError{Class: channel.Auth}, w: calm, state: Ready, hold: HoldReauth, reauth: true},
		"permanent":   {err: channel.SendError{Class: channel.Permanent}, w: calm},
		"recipient":   {err: channel.SendError{Class: channel.InvalidRecipient}, w: calm},
		"template":    {err: channel.SendError{Class: channel.TemplateMissing}, w: calm},
	} {
		v := judge(c.due, &c.err, 10*time.Second, c.w)
		if (v.failure != nil) != (c.state == "") || v.limitFor != c.limit || v.reauth != c.reauth {
			t.Errorf("%s: %+v", name, v)
			continue
		}
		if s := v.step; s != nil && (s.State != c.state || s.Wait != c.wait || s.Tries != c.tries || s.Hold != c.hold || s.Hold == holdRecipient && s.AuthRetried) {
			t.Errorf("%s: %+v", name, *s)
		}
	}
}

// Which results stop new calls and lock the lane to change it: those that tell something about the account.
func TestOnlyWhatConcernsTheAccountStopsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err           *channel.SendError
		stops, change bool
	}{
		"accepted":      {},
		"limit":         {err: &channel.SendError{Class: channel.RateLimited}, stops: true, change: true},
		"one recipient": {err: &channel.SendError{Class: channel.RateLimited, OneRecipient: true}},
		"auth":          {err: &channel.SendError{Class: channel.Auth}, stops: true, change: true},
		"transient":     {err: &channel.SendError{Class: channel.Transient}, change: true},
		"permanent":     {err: &channel.SendError{Class: channel.Permanent}},
	} {
		p := &pump{}
		p.failures.Store(2)
		p.heed(result{err: c.err})
		if stops, change := p.halted.Load(), concernsLane([]result{{err: c.err}}); stops != c.stops || change != c.change {
			t.Errorf("%s: stopped %t, changes the lane %t", name, stops, change)
		}
		if left := p.failures.Load(); (c.err == nil || c.err.OneRecipient || c.err.Class == channel.Permanent) && left != 0 {
			t.Errorf("%s: the provider answers, and %d failures in a row are left", name, left)
		}
	}
}

// Every class is decided by the table, and the jitter of a new Outbound stays within a fifth either way.
func TestTableIsCompleteAndJitterBounded(t *testing.T) {
	t.Parallel()
	for _, class := range channel.Classes() {
		v := judge(Due{}, &channel.SendError{Class: class}, 0, weather{jitter: func() float64 { return 1 }})
		if v.step == nil && v.failure == nil {
			t.Errorf("%s leads nowhere", class)
		}
	}
	o := New(nil, Config{})
	low, high := 2.0, 0.0
	for range 1000 {
		j := o.cfg.Jitter()
		low, high = min(low, j), max(high, j)
	}
	if low < 0.8 || high > 1.2 || high-low < 0.2 {
		t.Errorf("jitter from %f to %f", low, high)
	}
}

func TestUnknownOutcomesFollowThePolicy(t *testing.T) {
	t.Parallel()
	if v := judgeSilence(Due{OnUnknown: inbox.ReconcileThenRetry}); v.step == nil || v.step.State != Ready || v.step.Tries != 1 {
		t.Errorf("retry: %+v", v)
	}
	if v := judgeSilence(Due{OnUnknown: inbox.ReconcileThenFail}); v.failure == nil || v.failure.code != CodeOutcomeUnknown {
		t.Errorf("fail: %+v", v)
	}
	if v := judgeSilence(Due{OnUnknown: inbox.ReconcileThenRetry, Tries: len(Backoffs())}); v.failure == nil {
		t.Errorf("spent: %+v", v)
	}
	if OnUnknown(PurposeReply) != inbox.ReconcileThenRetry || OnUnknown(PurposeNotification) != inbox.ReconcileThenFail {
		t.Error("the published policies have changed")
	}
}

// Five transient failures in a row open the breaker, exactly five; refusals are answers; only the probe's answer closes it.
func TestBreakerCounts(t *testing.T) {
	t.Parallel()
	bad := result{err: &channel.SendError{Class: channel.Transient}}
	no := result{err: &channel.SendError{Class: channel.InvalidRecipient}}
	good, probe := result{}, result{probe: true}
	now := time.Now()
	for name, c := range map[string]struct {
		from     Breaker
		group    []result
		open     bool
		failures int
	}{
		"four":            {group: []result{bad, bad, bad, bad}, failures: 4},
		"five":            {group: []result{bad, bad, bad, bad, bad}, open: true, failures: 5},
		"interrupted":     {group: []result{bad, bad, bad, bad, good, bad}, failures: 1},
		"refusal":         {group: []result{bad, bad, bad, bad, no, bad}, failures: 1},
		"across groups":   {from: Breaker{Failures: 4}, group: []result{bad}, open: true, failures: 5},
		"straggler":       {from: Breaker{Failures: 5, OpenedAt: &now}, group: []result{good, no}, open: true, failures: 5},
		"probe":           {from: Breaker{Failures: 5, OpenedAt: &now}, group: []result{good, probe}},
		"crash and skips": {from: Breaker{Failures: 4}, group: []result{{crashed: true}, {skipped: true}}, failures: 4},
	} {
		if f := foldResults(c.from, c.group); f.open != c.open || f.failures != c.failures {
			t.Errorf("%s: open %v after %d failures", name, f.open, f.failures)
		}
	}
}
