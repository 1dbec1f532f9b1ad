package wire

import (
	"context"
	"io"
	"sync"
	"time"
)

// frame is one message to a client: a body between a head and a tail. Bodies are shared by all who follow the same; only head and
// tail are the reader's own.
type frame struct {
	head    string
	body    []byte
	tail    string
	at      time.Time
	dropped func() bool // reports whether nobody wants it any more; nil: always wanted
}

// writeTo writes the frame part by part, so that a large body is never copied for this reader.
func (f frame) writeTo(w io.Writer) error {
	if _, err := io.WriteString(w, f.head); err != nil {
		return err
	}
	if _, err := w.Write(f.body); err != nil {
		return err
	}
	_, err := io.WriteString(w, f.tail)
	return err
}

func (f frame) size() int { return len(f.head) + len(f.body) + len(f.tail) }

// outbox is the bounded queue between those who send and the one goroutine that writes. Putting in never blocks.
type outbox struct {
	limit  int
	mu     sync.Mutex
	frames []frame
	size   int
	ready  chan struct{} // holds a token when there may be frames
	half   chan struct{} // closed when at most half is used; nil while nobody waits
}

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, ready: make(chan struct{}, 1)}
}

// put adds a frame and reports whether it was taken. A frame that is sure to be small and rare may be put beyond the limit.
func (o *outbox) put(f frame, beyond bool) bool {
	o.mu.Lock()
	// One frame is always taken by an empty queue, so that a response larger than the limit is slow instead of impossible.
	if !beyond && o.size > 0 && o.size+f.size() > o.limit {
		o.mu.Unlock()
		return false
	}
	o.frames = append(o.frames, f)
	o.size += f.size()
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

// take removes the oldest wanted frame; it reports false when there is none.
func (o *outbox) take() (frame, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.frames) > 0 {
		f := o.frames[0]
		o.frames[0] = frame{}
		o.frames = o.frames[1:]
		o.size -= f.size()
		if o.half != nil && o.size <= o.limit/2 {
			close(o.half)
			o.half = nil
		}
		if f.dropped == nil || !f.dropped() {
			return f, true
		}
	}
	o.frames = nil // lets go of the memory of a burst
	return frame{}, false
}

// wait blocks until at most half of the queue is used. It returns ctx's error when ctx ends first.
func (o *outbox) wait(ctx context.Context) error {
	o.mu.Lock()
	if o.size <= o.limit/2 {
		o.mu.Unlock()
		return ctx.Err()
	}
	if o.half == nil {
		o.half = make(chan struct{})
	}
	half := o.half
	o.mu.Unlock()
	select {
	case <-half:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
