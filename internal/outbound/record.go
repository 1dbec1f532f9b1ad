package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// recorded is what a transaction that recorded results has found.
type recorded struct {
	learned
	freed bool // the breaker has closed
}

// record writes a group of results in a transaction: how the attempts ended, what became of the messages, and what that says about the lane.
func (v *visit) record(ctx context.Context, group []result) error {
	var found recorded
	err := v.o.store.InTenant(ctx, v.tenant, func(tx Tx) (err error) {
		found, err = v.recordIn(ctx, tx, group)
		return err
	})
	if err == nil {
		v.report(ctx, found)
	}
	return err
}

// report tells what a committed transaction has found.
func (v *visit) report(ctx context.Context, found recorded) {
	_ = faultpoint.Point("out.event")
	v.o.tell(ctx, v.tenant, found.learned)
	if found.freed {
		v.o.cfg.Bells.Ring(ctx, v.tenant, v.account)
	}
}

// tell reports what a committed transaction has found to the operator.
func (o *Outbound) tell(ctx context.Context, tenant inbox.TenantID, told learned) {
	o.announce(ctx, tenant, told.opened)
	for _, code := range told.failed {
		o.cfg.Metrics.Failed(code)
	}
}

func (v *visit) recordIn(ctx context.Context, tx Tx, group []result) (found recorded, err error) {
	var f *fold
	if concernsLane(group) {
		breaker, err := tx.LockBreaker(ctx, v.account)
		if err != nil {
			return found, err
		}
		f = foldResults(breaker, group)
	}
	now := v.o.now()
	n, limit, reauth := v.sum(group, f)
	if err := faultpoint.Point("out.result_commit"); err != nil {
		return found, err
	}
	if found.learned, err = v.o.learn(ctx, tx, now, n); err != nil || f == nil {
		return found, err
	}
	change := LaneChange{Failures: f.failures, Open: f.open, Pause: breakerPause, LimitFor: limit}
	if err := tx.ChangeLane(ctx, v.account, change); err != nil {
		return found, err
	}
	found.freed = f.wasOpen && !f.open
	opened, err := v.laneAlerts(ctx, tx, now, f, reauth)
	found.opened = append(found.opened, opened...)
	return found, err
}

// concernsLane reports whether the results can change the lane. Acceptances on a healthy lane do not, and need not lock it.
func concernsLane(group []result) bool {
	for _, r := range group {
		switch {
		case r.skipped, r.crashed:
		case r.shaky:
			return true
		case r.err != nil && (r.err.Class == channel.Transient || r.closesLane()):
			return true
		}
	}
	return false
}

// fold is what a group of results makes of a breaker, and how each result found it.
type fold struct {
	failures int
	open     bool
	wasOpen  bool
	found    []bool // whether it was open before each result
}

// foldResults counts failures in a row. Any answer of the provider, a refusal too, shows that it works; while the breaker is open only the
// probe's answer does, because a call that began before it opened tells nothing about now.
func foldResults(b Breaker, group []result) *fold {
	f := &fold{failures: b.Failures, open: b.OpenedAt != nil, wasOpen: b.OpenedAt != nil, found: make([]bool, len(group))}
	for i, r := range group {
		f.found[i] = f.open
		switch {
		case r.skipped, r.crashed:
		case r.err != nil && r.err.Class == channel.Transient:
			f.failures = min(f.failures+1, breakerThreshold)
			f.open = f.open || f.failures == breakerThreshold
		case !f.open || r.probe:
			f.failures, f.open = 0, false
		}
	}
	return f
}

// sum turns results into news, and tells how long the lane is to wait and whether its credentials are refused for good.
func (v *visit) sum(group []result, f *fold) (n *news, limit time.Duration, reauth bool) {
	n = &news{}
	for i, r := range group {
		call := Called{
			AttemptID: r.due.AttemptID, MessageID: r.due.MessageID, ConversationID: r.due.ConversationID, ChannelAccountID: v.account,
			Recipient: r.due.Recipient,
		}
		n.endings = append(n.endings, r.ending())
		w := weather{jitter: v.o.cfg.Jitter}
		if f != nil {
			w.wasOpen, w.isOpen = f.found[i], f.open
		}
		verdict := v.verdict(r, w)
		switch {
		case verdict.failure != nil:
			n.failures = append(n.failures, guarded[failure]{call: call, attempt: r.due.Attempt, what: *verdict.failure})
		case verdict.step != nil:
			n.steps = append(n.steps, guarded[Step]{call: call, attempt: r.due.Attempt, what: *verdict.step})
		default:
			n.accepted = append(n.accepted, acceptance{call: call, externalID: r.receipt.ExternalID})
			n.facts = append(n.facts, reported{Fact: Fact{MessageID: r.due.MessageID, Kind: FactSent, At: v.o.now()}, call: call})
		}
		limit, reauth = max(limit, verdict.limitFor), reauth || verdict.reauth
	}
	return n, limit, reauth
}

func (v *visit) verdict(r result, w weather) verdict {
	switch {
	case r.skipped:
		return verdict{step: &Step{
			MessageID: r.due.MessageID, Attempt: r.due.Attempt, State: Ready, Tries: r.due.Tries, Crashes: r.due.Crashes,
			AuthRetried: r.due.AuthRetried,
		}}
	case r.crashed:
		return judgeCrash(r.due, r.took)
	case r.err == nil:
		return verdict{}
	}
	return judge(r.due, r.err, r.took, w)
}

func (r result) ending() Ending {
	outcome, class := r.outcome()
	e := Ending{AttemptID: r.due.AttemptID, Outcome: outcome, Class: class, ExternalID: r.receipt.ExternalID}
	switch {
	case r.skipped:
		e.Code, e.Reason = "not_called", "The worker gave the message back before it called."
	case r.crashed:
		e.Code, e.Reason = "crashed", "The call stopped its worker."
	case r.err != nil:
		e.Code, e.Reason = r.err.Code, r.err.Reason
	}
	return e
}

// laneAlerts tells that the breaker has opened, and that credentials are refused: the account then sends nothing until they are renewed.
func (v *visit) laneAlerts(ctx context.Context, tx Tx, now time.Time, f *fold, reauth bool) ([]Alert, error) {
	system := inbox.SystemActor(v.tenant)
	var alerts []Alert
	if f.open && !f.wasOpen {
		alerts = append(alerts, v.accountAlert(AlertBreakerOpen, "The provider fails for a whole channel account; one message a minute tries it."))
	}
	if reauth {
		changed, err := tx.SetAccountStatus(ctx, v.account, inbox.AccountActive, inbox.AccountNeedsReauth)
		if err != nil {
			return nil, err
		}
		if changed {
			alerts = append(alerts, v.accountAlert(AlertNeedsReauth, "The provider refuses the credentials of a channel account; renew them."))
			if err := tx.Audit(ctx, inbox.NewAuditEntry(system, "channel_account.needs_reauth", "channel_account", v.account, nil, now)); err != nil {
				return nil, err
			}
		}
	}
	opened, err := openAlerts(ctx, tx, now, system, alerts)
	if err != nil || !f.wasOpen || f.open {
		return opened, err
	}
	return opened, v.o.closeEnded(ctx, tx, now)
}

func (v *visit) accountAlert(kind AlertKind, message string) Alert {
	account := v.account
	return Alert{Kind: kind, SubjectID: account, ChannelAccountID: &account, Message: message}
}

// settle decides about rows that were due for another reason than to be sent.
func (v *visit) settle(ctx context.Context, rows []Due) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookPatience)
	defer cancel()
	var told learned
	err := v.o.store.InTenant(ctx, v.tenant, func(tx Tx) (err error) {
		told, err = v.settleIn(ctx, tx, rows)
		return err
	})
	if err != nil {
		return err
	}
	v.o.tell(ctx, v.tenant, told)
	return nil
}

func (v *visit) settleIn(ctx context.Context, tx Tx, rows []Due) (learned, error) {
	ids, conversations := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	var lapsed []Due
	for i, d := range rows {
		ids[i], conversations[i] = d.MessageID, d.ConversationID
		if d.State == Sending {
			lapsed = append(lapsed, d)
		}
	}
	// Whatever may fail is locked in the order of the house before the attempts are touched.
	if _, err := tx.LockConversations(ctx, unique(conversations)); err != nil {
		return learned{}, err
	}
	if _, err := tx.LockDeliveries(ctx, unique(ids)); err != nil {
		return learned{}, err
	}
	ages, err := tx.LapseAttempts(ctx, lapsed)
	if err != nil {
		return learned{}, err
	}
	n := &news{}
	for _, d := range rows {
		call := Called{MessageID: d.MessageID, ConversationID: d.ConversationID, ChannelAccountID: v.account}
		age, lapsedNow := ages[d.MessageID]
		if d.State == Sending && !lapsedNow {
			continue // its result came after all
		}
		verdict := judgeOverdue(d, age)
		if verdict.failure != nil {
			n.failures = append(n.failures, guarded[failure]{call: call, attempt: d.Attempt, state: d.State, what: *verdict.failure})
		} else {
			n.steps = append(n.steps, guarded[Step]{call: call, attempt: d.Attempt, state: d.State, what: *verdict.step})
		}
	}
	if err := faultpoint.Point("rec.apply"); err != nil {
		return learned{}, err
	}
	return v.o.learn(ctx, tx, v.o.now(), n)
}
