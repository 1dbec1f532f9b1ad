package wire

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// operation is one operation of a socket under its id. For a subscription it is the sink.
type operation struct {
	id      string
	session *session
	head    string
	follows atomic.Bool // it is a subscription
	silent  atomic.Bool // the client wants no more, or is gone: what is still queued is dropped

	mu      sync.Mutex
	cancel  context.CancelFunc
	done    bool   // nothing may be sent under this id any more
	refused bool   // the queue was full: one more response may go beyond its limit
	stop    func() // ends the subscription; nil until it is open
}

var _ Sink = (*operation)(nil)

// Next queues a response.
func (o *operation) Next(payload []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return true
	}
	line := o.session.line
	f := frame{kind: websocket.TextMessage, answer: !o.follows.Load(), head: o.head, body: payload, tail: nextTail, silent: &o.silent}
	taken := line.queue.put(f, o.refused)
	if !taken { // by what is not sent yet, or by what is not read
		line.flush()
		taken = line.queue.put(f, o.refused)
	}
	o.refused = !taken
	return taken
}

// Flush sends what is queued.
func (o *operation) Flush() { o.session.line.flush() }

// Wait blocks until the reader has caught up by half of the queue.
func (o *operation) Wait(ctx context.Context) error { return o.session.line.queue.wait(ctx) }

// Complete tells the client that nothing follows, and frees the id.
func (o *operation) Complete() {
	o.end(completeMessage(o.id))
	if o.follows.Load() {
		o.session.suspect()
	}
}

// end sends the last message of the operation, unless the client has ended it before, and lets go of what a subscription holds. What
// stops it may need the locks of whoever completes it, who therefore holds none.
func (o *operation) end(last []byte) {
	o.mu.Lock()
	if o.done {
		o.mu.Unlock()
		return
	}
	stop, cancel := o.stop, o.cancel
	o.done, o.stop = true, nil
	o.mu.Unlock()
	// The id is free before the client can read that the operation ended, so that it may use the id again at once.
	o.session.forget(o)
	if !o.session.line.send(textFrame(last), true) { // a long list of errors, and a reader who is behind
		go o.session.close(closeTooSlow()) // it ends other operations, whose locks the caller may hold
	}
	cancel()
	if stop != nil {
		stop()
	}
}

// silence ends the operation at the client's wish, or with its socket: what is still queued is dropped and nothing follows.
func (o *operation) silence() {
	o.mu.Lock()
	stop, cancel := o.stop, o.cancel
	o.done, o.stop = true, nil
	o.mu.Unlock()
	o.silent.Store(true)
	cancel()
	if stop != nil {
		stop()
	}
}

// opened keeps how to stop the subscription, or stops it when it has ended meanwhile; stopping twice is harmless. The context in which it
// began is let go of.
func (o *operation) opened(stop func()) {
	o.mu.Lock()
	gone := o.done
	if !gone {
		o.stop = stop
	}
	o.cancel()
	o.cancel = func() {}
	o.mu.Unlock()
	if gone {
		stop()
	}
}
