package outbound

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// panicError is a panic with where it was, and whatever else the log should tell of it.
type panicError struct {
	cause any
	stack []byte
	about []any
}

// Error returns what was panicked with.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// caught runs fn and returns its error, or its panic as one.
func caught(fn func() error, about ...any) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause: cause, stack: debug.Stack(), about: about}
		}
	}()
	return fn()
}

// panicsIn returns every panic that err is made of. errors.As would stop at the first.
func panicsIn(err error) (found []*panicError) {
	switch e := err.(type) { //nolint:errorlint // the tree is walked here, node by node
	case *panicError:
		return []*panicError{e}
	case interface{ Unwrap() error }:
		return panicsIn(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			found = append(found, panicsIn(part)...)
		}
	}
	return found
}

// toldOf returns what the log may hold of a panic in a provider's code: its type, and its text only when it is the runtime's, which names numbers
// and types. Any other may quote the message or the answer. A stack holds addresses and small numbers, and no text.
func toldOf(cause any) []any {
	told := []any{"kind", fmt.Sprintf("%T", cause)}
	if fromRuntime, ok := cause.(runtime.Error); ok {
		told = append(told, "panic", fromRuntime.Error())
	}
	return append(told, "stack", string(debug.Stack()))
}
