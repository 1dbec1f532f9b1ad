package fault

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panic is a panic as an error, for the log: of what kind it was and where. Its text may quote a message, an answer or a secret and goes no further
// (RELIABILITY R60), unless it is the runtime's, which names numbers and types.
type Panic struct {
	Kind  string // the type of the value that was panicked with
	Text  string // what the runtime says of it; empty for a panic that is not the runtime's
	Stack string // where it was: names of functions, lines, addresses and small numbers, and no text
}

// Panicked returns the Panic of a value that recover returned. It belongs into the deferred function that recovered, where the stack is the panic's.
func Panicked(cause any) *Panic {
	p := &Panic{Kind: fmt.Sprintf("%T", cause), Stack: string(debug.Stack())}
	if of, ok := cause.(runtime.Error); ok {
		p.Text = of.Error()
	}
	return p
}

// Error returns all that is known of it; it is meant for logs.
func (p *Panic) Error() string {
	s := "panic of " + p.Kind
	if p.Text != "" {
		s += ": " + p.Text
	}
	return s + "\n" + p.Stack
}

// Attributes returns all that is known of it, as arguments for a structured log.
func (p *Panic) Attributes() []any {
	about := []any{"kind", p.Kind}
	if p.Text != "" {
		about = append(about, "panic", p.Text)
	}
	return append(about, "stack", p.Stack)
}
