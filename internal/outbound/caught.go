package outbound

import (
	"fmt"
	"runtime/debug"
)

// panicError is a panic with where it was.
type panicError struct {
	cause any
	stack []byte
}

// Error returns what was panicked with.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// caught runs fn and returns its error, or its panic as one.
func caught(fn func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause: cause, stack: debug.Stack()}
		}
	}()
	return fn()
}
