package graph

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// maxKept bounds the bytes of all renderings that are kept. It is several times what a subscriber may have unsent and one answer more, so that who
// is offered a batch of large items still shares them with the next.
const maxKept = 64 << 20

// shelf keeps the newest renderings of all cohorts, up to so many bytes; the very newest stays whatever its size. One that has left is rendered again
// for who asks.
type shelf struct {
	limit int

	mu    sync.Mutex
	bytes int
	queue list.List // of *rendered, the oldest first
}

// put notes that the rendering is finished and stands in its place, and lets go of the oldest ones that are too much.
func (s *shelf) put(r *rendered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.slot.Load() != r {
		return // another one has taken the place, or the cohort has ended
	}
	r.stands = s.queue.PushBack(r)
	s.bytes += len(r.payload)
	for s.bytes > s.limit && s.queue.Len() > 1 {
		oldest := s.queue.Front().Value.(*rendered)
		oldest.slot.CompareAndSwap(oldest, nil)
		s.removeLocked(oldest)
	}
}

// remove notes that the rendering has left its place; nil is none.
func (s *shelf) remove(r *rendered) {
	if r == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(r)
}

func (s *shelf) removeLocked(r *rendered) {
	if r.stands == nil {
		return
	}
	s.queue.Remove(r.stands)
	r.stands = nil
	s.bytes -= len(r.payload)
}

// slot is where one rendering stands at a time.
type slot = atomic.Pointer[rendered]
