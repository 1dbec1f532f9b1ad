package outbound

import "github.com/switchboard-inbox/switchboard/internal/fault"

// panicError is a panic, and whatever else the log should tell of it.
type panicError struct {
	*fault.Panic
	about []any
}

// caught runs fn and returns its error, or its panic as one.
func caught(fn func() error, about ...any) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{fault.Panicked(cause), about}
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
