// Package fault is the one error type that crosses layers: a code a client can branch on, a text a person may read, and the
// cause, which is for logs only.
//
// Imports: the standard library only.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is the machine-readable kind of an Error. The list is closed; graph/errors.go and internal/httpd/errors.go map every
// one of them, and a test in each fails until they do.
type Code string

// The codes, as a client sees them in extensions.code.
const (
	Invalid             Code = "INVALID"
	Unauthenticated     Code = "UNAUTHENTICATED"
	Forbidden           Code = "FORBIDDEN"
	NotFound            Code = "NOT_FOUND"
	Conflict            Code = "CONFLICT"
	AlreadyClaimed      Code = "ALREADY_CLAIMED"
	ReplyWindowClosed   Code = "REPLY_WINDOW_CLOSED"
	IdempotencyKeyReuse Code = "IDEMPOTENCY_KEY_REUSED"
	RateLimited         Code = "RATE_LIMITED"
	Unavailable         Code = "UNAVAILABLE"
	Internal            Code = "INTERNAL"
)

// Codes returns every code once, so that mappings can be tested for completeness.
func Codes() []Code {
	return []Code{
		Invalid, Unauthenticated, Forbidden, NotFound, Conflict, AlreadyClaimed, ReplyWindowClosed,
		IdempotencyKeyReuse, RateLimited, Unavailable, Internal,
	}
}

// Error carries what a client may know (Code, Field, Message, Details, RetryAfter) and what only the log may know (Err).
type Error struct {
	Code       Code
	Field      string         // the input field at fault, as the client spelt its path; empty when no single field is
	Message    string         // one sentence for a person: what is wrong and what to do
	RetryAfter time.Duration  // for RateLimited and Unavailable: when trying again makes sense; 0 when unknown
	Details    map[string]any // further machine-readable facts, such as the holder of a claim
	Err        error          // the cause; never shown to a client
}

// Error returns the code, the message and the cause; it is meant for logs.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause, so that errors.Is and errors.As look through an Error.
func (e *Error) Unwrap() error { return e.Err }

// New returns an Error of the code with a message for a person.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// BadField returns an Invalid error that names the input field and the remedy.
func BadField(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error of the code whose cause is err; the message is for a person, err for the log. It returns nil when err is
// nil.
func Wrap(code Code, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf returns the code of the outermost Error in err's chain, Internal for any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
