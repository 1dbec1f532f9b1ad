package wire

import (
	"context"
	"sync"
	"time"
)

// keptFrames is how many places an empty queue keeps. Most sockets are sent a frame at a time; what a burst took is let go of.
const keptFrames = 2

// frameCost is what a frame costs beside its bytes: a queue of small ones would hold more of that than of them.
const frameCost = 128

// queue is the bounded queue of what waits for one reader. Putting in never blocks. What is being written counts as well, since it is in memory until
// the system has taken it.
type queue struct {
	limit  int
	mu     sync.Mutex
	frames []frame
	first  int           // of the frames, the first that is not taken
	size   int           // bytes of those that are not taken
	under  int           // bytes that are being written
	long   bool          // the last of them are an answer larger than a batch
	behind bool          // what is put in waits for its reader
	over   bool          // the last frame was put in; what follows is dropped
	half   chan struct{} // closed when at most half is used; nil while nobody waits
}

// smallFrame is how large a frame may be that a queue takes beyond its limit however much waits in it.
const smallFrame = batch

// put adds a frame and reports whether it was taken. A frame that is sure to be rare may be put beyond the limit: when it is small, or at most
// half of the queue is used, so that only one large frame is beyond the limit at a time.
func (q *queue) put(f frame, beyond bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return true
	}
	beyond = beyond && (f.size() <= smallFrame || q.size <= q.limit/2)
	// One frame is always taken by an empty queue, so that a response larger than the limit is slow instead of impossible.
	if !beyond && q.size > 0 && q.heldLocked()+f.size()+frameCost > q.limit {
		return false
	}
	if q.behind && f.at.IsZero() {
		f.at = time.Now()
	}
	q.frames = append(q.frames, f)
	q.size += f.size()
	return true
}

// heldLocked returns what the queue costs.
func (q *queue) heldLocked() int { return q.size + q.under + (len(q.frames)-q.first)*frameCost }

// end drops what waits and puts in the last frame.
func (q *queue) end(last frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return
	}
	q.clearLocked()
	q.frames = append(q.frames, last)
	q.size = last.size()
	q.over = true
}

// gather takes the oldest wanted frames and appends them to the text until it holds so many bytes, or more with the last of them. It
// reports since when the oldest of them waited, if it did.
func (q *queue) gather(text []byte, most int) (_ []byte, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	text, since = q.gatherLocked(text, most)
	q.wakeLocked()
	return text, since
}

// next gathers what is written next, for a reader who is waited for; what was written before is gone.
func (q *queue) next() (text []byte, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	text, since = q.gatherLocked(nil, batch)
	q.under = len(text)
	q.wakeLocked()
	return text, since
}

func (q *queue) gatherLocked(text []byte, most int) (_ []byte, since time.Time) {
	for q.first < len(q.frames) && len(text) < most {
		f := &q.frames[q.first]
		q.size -= f.size()
		if !f.unwanted() {
			if since.IsZero() {
				since = f.at
			}
			text = f.appendTo(text)
			q.long = f.answer && f.size() > batch
		}
		*f = frame{}
		q.first++
	}
	if q.first == len(q.frames) {
		q.clearLocked()
	}
	return text, since
}

func (q *queue) wakeLocked() {
	if q.half != nil && q.heldLocked() <= q.limit/2 {
		close(q.half)
		q.half = nil
	}
}

// fallBehind notes that the reader has fallen behind at this time, with so many bytes half written: what is queued, and what is put in until the queue is
// empty, waits.
func (q *queue) fallBehind(now time.Time, under int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.behind, q.under = true, under
	for i := q.first; i < len(q.frames); i++ {
		if q.frames[i].at.IsZero() {
			q.frames[i].at = now
		}
	}
}

// caughtUp reports whether the queue is empty, and if so notes that nothing waits any more. All that was under way is written.
func (q *queue) caughtUp() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writtenLocked()
	q.wakeLocked()
	q.behind = q.behind && len(q.frames) > 0
	return len(q.frames) == 0
}

// writtenLocked notes that all that was under way is written. An answer larger than a batch has a time of its own, and what was put in behind it, its
// `complete` above all, waits from here on. Items have none, however large: who reads them slowly without end must be told.
func (q *queue) writtenLocked() {
	if q.under > 0 && q.long {
		now := time.Now()
		for i := q.first; i < len(q.frames); i++ {
			q.frames[i].at = now
		}
	}
	q.under = 0
}

func (q *queue) clearLocked() {
	clear(q.frames)
	q.frames, q.first, q.size = q.frames[:0], 0, 0
	if cap(q.frames) > keptFrames {
		q.frames = nil
	}
}

// wait blocks until at most half of the queue is used. It returns ctx's error when ctx ends first.
func (q *queue) wait(ctx context.Context) error {
	q.mu.Lock()
	if q.heldLocked() <= q.limit/2 {
		q.mu.Unlock()
		return ctx.Err()
	}
	if q.half == nil {
		q.half = make(chan struct{})
	}
	half := q.half
	q.mu.Unlock()
	select {
	case <-half:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended reports whether the last frame was put in.
func (q *queue) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.over
}
