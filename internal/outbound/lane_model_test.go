package outbound

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TestLanesFollowTheRules drives one lane without a database: messages are queued, claimed, called and recorded in groups of any size and order
// while the provider answers whatever is drawn. Each recorded group is held against the rules of the table and of the breaker, written down
// here once more and without groups; and in the end, when the provider has recovered, every message is finished. (R15, R17, R18)
func TestLanesFollowTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		jitter := rapid.SampledFrom([]float64{1, 0.8, 1.2}).Draw(r, "jitter")
		m := &laneModel{
			v:    &visit{o: New(nil, Config{Jitter: func() float64 { return jitter }}), account: uuid.Must(uuid.NewV7())},
			rows: map[uuid.UUID]*laneRow{}, probed: -breakerPause,
		}
		r.Repeat(map[string]func(*rapid.T){
			"queue": m.queue, "queue more": m.queue, "claim": m.claim, "claim more": m.claim, "record": m.record, "record more": m.record,
			"wait": m.wait, "settle": m.settle, "renew": func(*rapid.T) { m.reauth = false },
		})
		m.recover(r)
	})
}

// What began before the breaker opened and fails in the group in which the probe succeeds has used no try, and waits as after its first.
func TestStragglerBesideTheProbe(t *testing.T) {
	t.Parallel()
	group := []result{{err: &channel.SendError{Class: channel.Transient}}, {probe: true, shaky: true}}
	v := &visit{o: New(nil, Config{Jitter: func() float64 { return 1 }})}
	n, _, _ := v.sum(group, foldResults(Breaker{Failures: breakerThreshold, OpenedAt: new(time.Now())}, group))
	if len(n.steps) != 1 || n.steps[0].what.Wait != time.Second || n.steps[0].what.Tries != 0 || len(n.accepted) != 1 {
		t.Errorf("steps %+v, accepted %+v", n.steps, n.accepted)
	}
}

// laneModel is a lane in memory: what its rows and its line in the database would say.
type laneModel struct {
	v       *visit
	now     time.Duration
	breaker Breaker
	probed  time.Duration // when the last probe was let go, or the breaker opened
	limited time.Duration // until when the provider asked to wait
	reauth  bool
	rows    map[uuid.UUID]*laneRow // unfinished
	order   []uuid.UUID
	calls   []laneCall // under way

	strict int // transient failures in a row as they were recorded, whatever else was
	known  int // the same, interrupted only by answers to calls that began when the lane had failures
}

// laneRow is the unfinished sending of one message, and what the rules have counted of it.
type laneRow struct {
	due    Due
	ready  time.Duration
	out    bool // claimed
	burned int  // tries that the rules say it has used
}

type laneCall struct {
	row          *laneRow
	probe, shaky bool
}

func (m *laneModel) queue(r *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(r, "messages") {
		m.add(rapid.SampledFrom([]inbox.OnUnknown{inbox.ReconcileThenRetry, inbox.ReconcileThenFail}).Draw(r, "policy"))
	}
}

func (m *laneModel) add(policy inbox.OnUnknown) {
	id := uuid.Must(uuid.NewV7())
	m.rows[id] = &laneRow{due: Due{MessageID: id, State: Ready, OnUnknown: policy}, ready: m.now}
	m.order = append(m.order, id)
}

// claim does what the database lets a look take: nothing while the lane waits, one probe a pause while the breaker is open, else what is due.
func (m *laneModel) claim(r *rapid.T) { m.take(rapid.IntRange(1, 8).Draw(r, "most")) }

func (m *laneModel) take(most int) {
	open := m.breaker.OpenedAt != nil
	road := Road{Status: inbox.AccountActive, Open: open, Limited: m.limited > m.now}
	if m.reauth {
		road.Status = inbox.AccountNeedsReauth
	}
	shut := road.shut()
	if shut == HoldBreaker && m.now-m.probed >= breakerPause {
		most = 1
	} else if shut != HoldNone {
		return
	}
	for _, id := range m.order {
		row := m.rows[id]
		if row == nil || row.out || row.due.State != Ready || row.ready > m.now || most == 0 {
			continue
		}
		most--
		if shut == HoldBreaker {
			m.probed = m.now
		}
		row.out = true
		row.due.Attempt++
		m.calls = append(m.calls, laneCall{row: row, probe: open, shaky: open || m.breaker.Failures > 0})
	}
}

// record lets some of the calls end, in any order, and writes down what came of them.
func (m *laneModel) record(r *rapid.T) {
	if len(m.calls) == 0 {
		return
	}
	m.calls = rapid.Permutation(m.calls).Draw(r, "order")
	n := rapid.IntRange(1, len(m.calls)).Draw(r, "together")
	ended := slices.Clone(m.calls[:n])
	m.calls = m.calls[n:]
	group := make([]result, n)
	for i, call := range ended {
		group[i] = drawResult(r)
		group[i].due, group[i].probe, group[i].shaky = call.row.due, call.probe, call.shaky
	}
	m.apply(r, group)
}

// drawResult draws what comes of a call: often a failure that opens the breaker, so that it opens now and then.
func drawResult(r *rapid.T) result {
	got := result{took: time.Duration(rapid.IntRange(0, 130).Draw(r, "took")) * time.Second}
	switch rapid.SampledFrom([]string{"accepted", "transient", "transient again", "unknown", "refused", "crashed", "skipped"}).Draw(r, "result") {
	case "transient", "transient again":
		got.err = &channel.SendError{Class: channel.Transient}
	case "unknown":
		got.err = &channel.SendError{Class: channel.Transient, OutcomeUnknown: true}
	case "refused":
		got.err = &channel.SendError{
			Class: rapid.SampledFrom(channel.Classes()[1:]).Draw(r, "class"), OneRecipient: rapid.Bool().Draw(r, "one recipient"),
			RetryAfter: rapid.SampledFrom([]time.Duration{-time.Second, 0, 5 * time.Second, 30 * time.Minute, 5 * time.Hour}).Draw(r, "retry after"),
		}
	case "crashed":
		got.crashed = true
	case "skipped":
		got.skipped = true
	}
	return got
}

// apply does with a group what recording it does, and holds every part of that against the rules.
func (m *laneModel) apply(r *rapid.T, group []result) {
	wasOpen := m.breaker.OpenedAt != nil
	var f *fold
	if concernsLane(group) {
		f = foldResults(m.breaker, group)
	}
	n, limit, reauth := m.v.sum(group, f)
	if f == nil && (limit > 0 || reauth) {
		r.Fatalf("the provider speaks of the whole lane (wait %s, credentials refused %v), and the lane is left alone", limit, reauth)
	}
	m.judgeLane(r, group, f, limit)
	m.judgeMessages(r, group, f, n)
	if f == nil {
		return
	}
	m.breaker.Failures = f.failures
	switch {
	case !f.open:
		m.breaker.OpenedAt = nil
	case !wasOpen:
		m.breaker.OpenedAt, m.probed = new(time.Now()), m.now
	}
	if limit > 0 {
		m.limited = max(m.limited, m.now+limit)
	}
	m.reauth = m.reauth || reauth
}

func (m *laneModel) wait(r *rapid.T) {
	m.now += rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, 61 * time.Second, 121 * time.Second, 20 * time.Minute}).Draw(r, "time")
}

// settle decides about calls whose receipt did not come in time, and lets receipts of others come.
func (m *laneModel) settle(r *rapid.T) {
	for _, id := range m.order {
		row := m.rows[id]
		if row == nil || row.due.State != Unknown {
			continue
		}
		if rapid.Bool().Draw(r, "receipt") {
			delete(m.rows, id)
		} else if row.ready <= m.now {
			m.silence(r, row)
		}
	}
}

func (m *laneModel) silence(r *rapid.T, row *laneRow) {
	v := judgeOverdue(row.due, 0)
	retry := row.due.OnUnknown == inbox.ReconcileThenRetry && row.burned < len(Backoffs())
	if (v.step != nil) != retry || v.failure != nil && v.failure.code != CodeOutcomeUnknown {
		r.Fatalf("silence about %+v with %d tries used leads to %+v", row.due, row.burned, v)
	}
	if v.failure != nil {
		delete(m.rows, row.due.MessageID)
		return
	}
	row.burned++
	m.step(r, row, *v.step)
}

// recover lets the provider take everything from now on: then whatever waits is sent, whatever the lane was held by. One message is added,
// because a breaker stays open while there is nothing to probe with.
func (m *laneModel) recover(r *rapid.T) {
	m.reauth = false
	m.add(inbox.ReconcileThenRetry)
	for range 40 {
		m.accept(r)
		m.now += 10 * time.Minute
		for _, row := range m.rows {
			if row.due.State == Unknown {
				m.silence(r, row)
			}
		}
		m.take(len(m.rows))
	}
	if len(m.rows) > 0 || m.breaker.OpenedAt != nil {
		r.Fatalf("6 hours after the provider recovered %d messages are unfinished; the breaker: %+v", len(m.rows), m.breaker)
	}
}

// accept lets every call under way be accepted.
func (m *laneModel) accept(r *rapid.T) {
	group := make([]result, len(m.calls))
	for i, call := range m.calls {
		group[i] = result{due: call.row.due, probe: call.probe, shaky: call.shaky}
	}
	m.calls = nil
	m.apply(r, group)
}
