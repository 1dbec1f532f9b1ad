package graph

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxWindows is how many windows are kept before those that are over are forgotten.
const maxWindows = 50_000

// windows count what keys spend in a minute. They forget with the process, which costs an attacker nothing he could cause. Keys are kept as
// hashes, so that a long one costs no more memory than a short one.
type windows struct {
	clock func() time.Time
	mu    sync.Mutex
	kept  map[[sha256.Size]byte]spent
}

type spent struct {
	since  time.Time
	amount int
}

const windowLength = time.Minute

func newWindows(clock func() time.Time) *windows {
	return &windows{clock: clock, kept: map[[sha256.Size]byte]spent{}}
}

// spend adds to what the key has spent in its minute and returns how long to wait when that is more than it may.
func (w *windows) spend(key string, amount, most int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, hash := w.clock(), sha256.Sum256([]byte(key))
	s, known := w.kept[hash]
	if !known {
		w.sweep(now)
	}
	if !known || now.Sub(s.since) >= windowLength {
		s = spent{since: now}
	}
	s.amount = min(s.amount+amount, most+1)
	w.kept[hash] = s
	if s.amount <= most {
		return 0
	}
	return s.since.Add(windowLength).Sub(now)
}

// sweep makes room for a key: it forgets windows that are over, and everything when a flood of keys outruns that.
func (w *windows) sweep(now time.Time) {
	if len(w.kept) < maxWindows {
		return
	}
	for key, s := range w.kept {
		if now.Sub(s.since) >= windowLength {
			delete(w.kept, key)
		}
	}
	if len(w.kept) >= maxWindows {
		clear(w.kept)
	}
}
