package outbound

import (
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

const five = 5 // failures in a row open the breaker

// judgeLane holds what a group makes of the lane against the rules. Five transient failures in a row open the breaker and fewer do not, where an
// answer interrupts the row, unless its call began before there were failures: that one may count or not, since a lane that looks healthy is
// not locked for it. While it is open only a probe's answer counts, and closes it.
func (m *laneModel) judgeLane(r *rapid.T, group []result, f *fold, limit time.Duration) {
	open, failures := m.breaker.OpenedAt != nil, m.breaker.Failures
	var asked time.Duration
	for i, one := range group {
		if f != nil {
			m.agree(r, open, f.found[i])
			open = f.found[i]
		}
		switch {
		case one.skipped, one.crashed: // nothing is known of the provider
		case one.err != nil && one.err.Class == channel.Transient:
			m.strict, m.known = m.strict+1, m.known+1
			open = open || m.strict >= five
		case !open || one.probe:
			open, m.strict = false, 0
			if one.shaky {
				m.known = 0
			}
		}
		if one.err != nil && one.err.Class == channel.RateLimited && !one.err.OneRecipient {
			asked = max(asked, retryAfter(one.err))
		}
	}
	if f != nil {
		m.agree(r, open, f.open)
		failures = f.failures
	} else if open != (m.breaker.OpenedAt != nil) {
		r.Fatalf("%+v is left alone, and after %d failures in a row the breaker is to be open: %v", m.breaker, m.strict, open)
	}
	if failures < min(m.strict, five) || failures > m.known || failures > five {
		r.Fatalf("%d failures in a row are counted, there were %d to %d", failures, m.strict, m.known)
	}
	if limit != asked || limit > time.Hour {
		r.Fatalf("the lane waits %s, the provider asked for %s", limit, asked)
	}
}

// agree fails unless the breaker is as it must be, or is open where it may be.
func (m *laneModel) agree(r *rapid.T, must, is bool) {
	if is != must && (must || m.known < five) {
		r.Fatalf("the breaker is open: %v, after %d to %d failures in a row", is, m.strict, m.known)
	}
}

// judgeMessages holds what becomes of each message against the table, and moves it on.
func (m *laneModel) judgeMessages(r *rapid.T, group []result, f *fold, n *news) {
	steps, failed, accepted := map[uuid.UUID]Step{}, map[uuid.UUID]failure{}, map[uuid.UUID]bool{}
	for _, s := range n.steps {
		steps[s.call.MessageID] = s.what
	}
	for _, x := range n.failures {
		failed[x.call.MessageID] = x.what
	}
	for _, a := range n.accepted {
		accepted[a.call.MessageID] = true
	}
	if len(steps)+len(failed)+len(accepted) != len(group) || len(n.endings) != len(group) {
		r.Fatalf("of %d messages %d go on, %d have failed and %d are accepted", len(group), len(steps), len(failed), len(accepted))
	}
	for i, one := range group {
		row := m.rows[one.due.MessageID]
		row.out = false
		wasOpen, isOpen := f != nil && f.found[i], f != nil && f.open
		if one.err != nil && one.err.Class == channel.Transient && !one.err.OutcomeUnknown && !wasOpen {
			row.burned++
		}
		step, goesOn := steps[one.due.MessageID]
		if end := m.ends(row, one, isOpen); end != !goesOn {
			r.Fatalf("%+v after %d tries ends: %v, want %v", one, row.burned, !goesOn, end)
		}
		if !goesOn {
			if accepted[one.due.MessageID] != (one.err == nil && !one.crashed) {
				r.Fatalf("%+v is accepted: %v", one, accepted[one.due.MessageID])
			}
			delete(m.rows, one.due.MessageID)
			continue
		}
		m.judgeStep(r, row, one, step, isOpen)
		m.step(r, row, step)
	}
}

// ends tells whether the rules let a message end with the result: it was accepted, refused for good, has used its tries, or is poison.
func (m *laneModel) ends(row *laneRow, one result, isOpen bool) bool {
	switch {
	case one.skipped:
		return false
	case one.crashed:
		return row.due.Crashes+1 >= maxCrashes
	case one.err == nil:
		return true
	}
	switch one.err.Class {
	case channel.Permanent, channel.InvalidRecipient, channel.TemplateMissing:
		return true
	case channel.Transient:
		return !one.err.OutcomeUnknown && !isOpen && row.burned > len(Backoffs())
	}
	return false
}

// judgeStep holds the next step of a message against the table.
func (m *laneModel) judgeStep(r *rapid.T, row *laneRow, one result, s Step, isOpen bool) {
	unknown := one.crashed || one.err != nil && one.err.OutcomeUnknown
	transient := one.err != nil && one.err.Class == channel.Transient && !unknown
	switch {
	case s.Attempt != row.due.Attempt:
		r.Fatalf("a step of attempt %d after attempt %d", s.Attempt, row.due.Attempt)
	case (s.State == Unknown) != unknown || s.State == Sending:
		r.Fatalf("%+v leads to %s", one, s.State)
	case unknown && s.Wait != max(0, reconcileTime-one.took):
		r.Fatalf("the receipt of a call that took %s has %s", one.took, s.Wait)
	case s.Hold == HoldBreaker != (transient && isOpen):
		r.Fatalf("%+v is held by %q, the breaker is open: %v", one, s.Hold, isOpen)
	case s.Hold == HoldReauth != (one.err != nil && one.err.Class == channel.Auth && row.due.AuthRetried):
		r.Fatalf("%+v is held by %q; its credentials were refused before: %v", one, s.Hold, row.due.AuthRetried)
	case s.Hold != HoldNone && s.Passable && s.Hold != HoldRateLimit:
		r.Fatalf("what is held by %s may be passed", s.Hold)
	case transient && !isOpen:
		pause := Backoffs()[max(row.burned, 1)-1]
		if s.Wait < pause*8/10 || s.Wait > pause*12/10 {
			r.Fatalf("after failure %d it waits %s, want about %s", row.burned, s.Wait, pause)
		}
	}
}

// step moves a row on, and looks at what only its whole way shows: the tries it has used.
func (m *laneModel) step(r *rapid.T, row *laneRow, s Step) {
	if s.Tries != row.burned {
		r.Fatalf("%+v has used %d tries, the rules say %d", row.due, s.Tries, row.burned)
	}
	row.due.State, row.due.Tries, row.due.Crashes, row.due.AuthRetried = s.State, s.Tries, s.Crashes, s.AuthRetried
	row.ready = m.now + s.Wait
}
