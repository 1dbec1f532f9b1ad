package outbound

import (
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The table of what an error leads to, in one place. A provider only classifies; everything below is decided here.
const (
	reconcileTime     = 120 * time.Second // from the start of a call until its receipt is given up
	breakerThreshold  = 5                 // transient failures in a row that open it
	breakerPause      = 60 * time.Second  // between probes of the whole fleet
	breakerPatience   = time.Hour         // then held messages fail: there is no next channel
	maxRetryAfter     = time.Hour
	maxPairWait       = time.Minute // for one recipient, whose messages keep waiting behind the one that tries
	defaultRetryAfter = time.Minute
	maxCrashes        = 3 // a message that stops its worker so often is poison
)

// Codes of failures that are ours, as a client sees them in failure.code.
const (
	CodeOutcomeUnknown = "OUTCOME_UNKNOWN"
	CodeExpired        = "EXPIRED"
	CodePoison         = "POISON"
	CodeWindowClosed   = "REPLY_WINDOW_CLOSED"
	CodeProviderDown   = "PROVIDER_DOWN"
)

// Backoffs returns the pauses after the first, second, … transient failure of a message. After one more there is no next channel.
func Backoffs() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}
}

// verdict is what becomes of a message after a call: it goes on with a step, or it ends with a failure. Neither: it was accepted.
type verdict struct {
	step     *Step
	failure  *failure
	limitFor time.Duration // the whole lane waits so long
	reauth   bool          // the account's credentials are refused for good
}

// failure is the end of a message.
type failure struct {
	code   string
	reason string
	class  channel.Class
}

// weather is the state of the lane as a result finds it.
type weather struct {
	wasOpen bool // the breaker was open before this result: it costs no try
	isOpen  bool // and is open after it
	jitter  func() float64
}

// judge decides what a failed call leads to.
func judge(d Due, e *channel.SendError, took time.Duration, w weather) verdict {
	on := Step{MessageID: d.MessageID, Attempt: d.Attempt, State: Ready, Tries: d.Tries, Crashes: d.Crashes, AuthRetried: d.AuthRetried}
	switch e.Class {
	case channel.RateLimited:
		if e.OneRecipient {
			on.Wait, on.Hold, on.AuthRetried = pairWait(d, e), holdRecipient, false // the credentials were good
			return verdict{step: &on}
		}
		on.Wait, on.Hold, on.Passable = retryAfter(e), HoldRateLimit, true
		return verdict{step: &on, limitFor: on.Wait}
	case channel.Auth:
		return judgeAuth(on)
	case channel.InvalidRecipient, channel.TemplateMissing, channel.Permanent:
		return ended(e.Code, e.Reason, e.Class)
	}
	on.Passable = true
	if e.OutcomeUnknown {
		on.State, on.Wait = Unknown, max(0, reconcileTime-took)
		return verdict{step: &on}
	}
	if !w.wasOpen {
		on.Tries++
	}
	if w.isOpen {
		on.Hold, on.Passable = HoldBreaker, false
		return verdict{step: &on}
	}
	if on.Tries > len(Backoffs()) {
		return ended(e.Code, e.Reason, e.Class)
	}
	// No try may be used yet: what began before the breaker opened costs none, and the probe beside it has just closed it.
	on.Wait = time.Duration(float64(Backoffs()[max(on.Tries, 1)-1]) * w.jitter())
	return verdict{step: &on}
}

// judgeAuth tries once more, with credentials read afresh; then the account's messages wait for new ones.
func judgeAuth(on Step) verdict {
	if !on.AuthRetried {
		on.AuthRetried, on.Passable = true, true
		return verdict{step: &on}
	}
	on.Hold = HoldReauth
	return verdict{step: &on, reauth: true}
}

// judgeCrash decides about a call that took its worker with it.
func judgeCrash(d Due, since time.Duration) verdict {
	if d.Crashes+1 >= maxCrashes {
		return ended(CodePoison, "Sending this message stopped the worker three times.", channel.Permanent)
	}
	return verdict{step: &Step{
		MessageID: d.MessageID, Attempt: d.Attempt, State: Unknown, Wait: max(0, reconcileTime-since), Tries: d.Tries,
		Crashes: d.Crashes + 1, AuthRetried: d.AuthRetried, Passable: true,
	}}
}

// judgeSilence decides about a call whose receipt did not come in time.
func judgeSilence(d Due) verdict {
	if d.OnUnknown != inbox.ReconcileThenRetry || d.Tries+1 > len(Backoffs()) {
		return ended(CodeOutcomeUnknown, "It is not known whether the provider took the message.", channel.Transient)
	}
	return verdict{step: &Step{
		MessageID: d.MessageID, Attempt: d.Attempt, State: Ready, Tries: d.Tries + 1, Crashes: d.Crashes, AuthRetried: d.AuthRetried,
		Passable: true,
	}}
}

// judgeOverdue decides about a row that a lane found due for another reason than to be sent. since is how long ago a call whose lease
// ran out began.
func judgeOverdue(d Due, since time.Duration) verdict {
	switch {
	case d.State == Sending:
		return judgeCrash(d, since)
	case d.State == Unknown && !d.Expired:
		return judgeSilence(d)
	case d.Expired:
		return ended(CodeExpired, "The message waited too long to be sent.", channel.Permanent)
	case d.Shut:
		return ended(CodeWindowClosed, "The reply window closed before the message could be sent.", channel.Permanent)
	}
	return ended(CodeProviderDown, "The provider has been failing for an hour.", channel.Transient)
}

func ended(code, reason string, class channel.Class) verdict {
	return verdict{failure: &failure{code: code, reason: reason, class: class}}
}

// pairWait returns how long a message waits whose recipient has got too much: four times longer after each call. It is not to be passed,
// since what comes behind it is for the same person.
func pairWait(d Due, e *channel.SendError) time.Duration {
	wait := retryAfter(e)
	for range d.Attempt - 1 {
		if wait >= maxPairWait {
			break
		}
		wait = min(4*wait, maxPairWait)
	}
	return wait
}

// retryAfter returns how long the provider asks to wait, within reason.
func retryAfter(e *channel.SendError) time.Duration {
	if e.RetryAfter <= 0 {
		return defaultRetryAfter
	}
	return min(e.RetryAfter, maxRetryAfter)
}
