package outbound

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

// job is one claimed row on its way to the provider.
type job struct {
	due      Due
	lane     *lane
	probe    bool      // of an open breaker
	taken    time.Time // when it was claimed
	deadline time.Time // when its lease ends
}

// result is what came of one claimed row.
type result struct {
	due     Due
	receipt channel.Receipt
	err     *channel.SendError // nil: accepted
	crashed bool               // the call took its goroutine with it
	skipped bool               // no call was made
	probe   bool               // of an open breaker
	shaky   bool               // the lane had failures when the row was claimed
	waited  time.Duration      // from the claim to the call
	took    time.Duration
}

// perform calls for the row, or gives it back without a call: to be stopped, to look at the lane again, or because its lease is too short
// by now.
func (p *pump) perform(ctx context.Context, j job) result {
	if ctx.Err() != nil || p.halted.Load() || time.Until(j.deadline) < 2*p.v.o.cfg.CallTimeout {
		return result{due: j.due, skipped: true}
	}
	early := int64(0)
	if time.Now().Before(p.end) {
		early = 1
	}
	p.early.Add(early)
	defer p.early.Add(-early)
	waited := time.Since(j.taken)
	r := p.v.call(context.WithoutCancel(ctx), j)
	r.probe, r.shaky, r.waited = j.probe, j.lane.Open || j.lane.Failures > 0, waited
	p.heed(r)
	return r
}

// heed stops new calls as soon as results come that may close the lane; whoever records them then decides.
func (p *pump) heed(r result) {
	switch {
	case r.skipped || r.crashed:
	case r.err == nil:
		p.failures.Store(0)
	case r.err.Class == channel.Transient:
		if p.failures.Add(1) >= breakerThreshold {
			p.halted.Store(true)
		}
	case r.closesLane():
		p.halted.Store(true)
	default:
		p.failures.Store(0)
	}
}

// closesLane reports whether the provider refused the account, not this message.
func (r result) closesLane() bool {
	return r.err.Class == channel.RateLimited && !r.err.OneRecipient || r.err.Class == channel.Auth
}

// call makes one provider call. It never panics; a provider that does has crashed the call.
func (v *visit) call(ctx context.Context, j job) (r result) {
	r.due = j.due
	if j.lane.broken != nil {
		r.err = j.lane.broken
		return r
	}
	if time.Until(j.deadline) < v.o.cfg.CallTimeout { // this process was stopped for a while: somebody else may have the row by now
		r.skipped = true
		return r
	}
	begun := time.Now()
	defer func() {
		r.took = time.Since(begun)
		if cause := recover(); cause != nil {
			r.crashed = true
			about := []any{"tenant", v.tenant.String(), "message", j.due.MessageID, "attempt", j.due.AttemptID}
			v.o.cfg.Log.ErrorContext(ctx, "a provider call panicked", append(about, fault.Panicked(cause).Attributes()...)...)
		}
		outcome, class := r.outcome()
		v.o.cfg.Metrics.Call(j.lane.Provider, string(outcome), string(class), r.took)
	}()
	ctx, cancel := context.WithTimeout(ctx, v.o.cfg.CallTimeout)
	defer cancel()
	_ = faultpoint.Point("out.before_call")
	receipt, err := j.lane.provider.Send(ctx, j.lane.account, outgoing(j.due))
	_ = faultpoint.Point("out.after_call")
	switch {
	case err != nil:
		r.err = channel.AsSendError(err)
	case receipt.ExternalID == "":
		r.err = &channel.SendError{Class: channel.Transient, Code: "no_id", Reason: "The provider's answer names no message.", OutcomeUnknown: true}
	}
	r.receipt = receipt
	return r
}

func (r result) outcome() (AttemptOutcome, channel.Class) {
	switch {
	case r.crashed:
		return AttemptUnknown, ""
	case r.skipped:
		return AttemptRejected, channel.Transient
	case r.err == nil:
		return AttemptAccepted, ""
	case r.err.OutcomeUnknown:
		return AttemptUnknown, r.err.Class
	}
	return AttemptRejected, r.err.Class
}

// outgoing returns the message as the provider takes it.
func outgoing(d Due) channel.Outbound {
	m := channel.Outbound{MessageID: d.MessageID.String(), AttemptID: d.AttemptID.String(), ReplyTo: d.ReplyTo}
	if len(d.Recipient) > 0 && d.Recipient[0] == '+' {
		m.To.Phone = d.Recipient
	} else {
		m.To.UserID = d.Recipient
	}
	if d.Kind == channel.KindTemplate {
		m.Template = d.Content.Template
	} else {
		m.Text = d.Text
	}
	return m
}
