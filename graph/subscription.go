package graph

import "context"

// Sink takes what one subscription sends; a transport implements it. Its methods are called by one goroutine at a time, except
// that Wait may run beside Complete.
type Sink interface {
	// Next takes one whole response: `{"data":…}`, ready to be sent. The bytes are shared by many subscribers and must not be
	// changed. It never blocks. It returns false, and takes nothing, when the sink's buffer is full; a sink keeps one more
	// place than it tells, so that the one call of Next that follows such a false (a Resync) is taken.
	Next(payload []byte) bool
	// Wait blocks until at least half of the buffer is free, and returns at once when it is. It returns ctx's error when ctx
	// ends first. It is called only while history is replayed, so that a long absence does not overflow the buffer.
	Wait(ctx context.Context) error
	// Complete tells that nothing follows. It never blocks, and is called once, unless stop was called before.
	Complete()
}
