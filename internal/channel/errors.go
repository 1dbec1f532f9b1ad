package channel

import (
	"errors"
	"fmt"
	"time"
)

// ErrSignature means that a webhook or a challenge is not the vendor's: a missing, malformed or wrong signature or token. The edge
// answers it exactly as it answers an unknown endpoint.
var ErrSignature = errors.New("channel: signature does not match")

// ErrMalformed means that an authentic body cannot be read at all.
var ErrMalformed = errors.New("channel: malformed body")

// Class is what a failure means for the message. The list is closed; outbound decides what each leads to (the table is in
// ARCHITECTURE.md).
type Class string

// The classes of failure.
const (
	Transient        Class = "TRANSIENT"         // try again with backoff
	RateLimited      Class = "RATE_LIMITED"      // wait until RetryAfter; costs no try
	Permanent        Class = "PERMANENT"         // never succeeds as it is
	InvalidRecipient Class = "INVALID_RECIPIENT" // this identity cannot be reached on this channel
	TemplateMissing  Class = "TEMPLATE_MISSING"  // the template is unknown, paused or does not fit its variables
	Auth             Class = "AUTH"              // the account's credentials are refused
)

// Classes returns every class once, so that tables over them can be tested for completeness.
func Classes() []Class {
	return []Class{Transient, RateLimited, Permanent, InvalidRecipient, TemplateMissing, Auth}
}

// SendError is how a provider reports that a call failed. Code and Reason are safe to show to an agent: they never hold a
// credential, a URL or a header.
type SendError struct {
	Class      Class
	Code       string        // the vendor's code, or one of ours in lower case such as "timeout"
	Reason     string        // one sentence for an agent
	RetryAfter time.Duration // for RateLimited: until when to wait; 0 when the vendor does not say
	// OneRecipient tells, for RateLimited, that only this recipient has got too much from the account: what is for others may go.
	OneRecipient bool
	// OutcomeUnknown tells that the vendor may have accepted the message although no acceptance was read: the call was cut or timed
	// out after the request had left, or the answer was unreadable. Such a message is not sent again before its receipt had
	// time to arrive.
	OutcomeUnknown bool
	Err            error // the cause, for logs; already free of secrets
}

// Error returns class, code and reason.
func (e *SendError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Class, e.Code, e.Reason)
}

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// AsSendError returns the *SendError in err's chain, or a Transient one with an unknown outcome when there is none, since
// nothing is known then.
func AsSendError(err error) *SendError {
	var e *SendError
	if errors.As(err, &e) {
		return e
	}
	return &SendError{Class: Transient, Code: "unclassified", Reason: "The provider call failed.", OutcomeUnknown: true, Err: err}
}
