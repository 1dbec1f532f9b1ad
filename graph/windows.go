package graph

import (
	"crypto/sha256"
	"math"
	"sync"
	"time"
)

// maxWindows is how many windows are kept before those that are over are forgotten.
const maxWindows = 50_000

// windows count what keys spend in a minute, or in a time of their own. They forget with the process, which costs an attacker nothing he could
// cause. Keys are kept as hashes, so that a long one costs no more memory than a short one.
type windows struct {
	clock func() time.Time
	mu    sync.Mutex
	kept  map[[sha256.Size]byte]spent
}

type spent struct {
	until  time.Time
	amount int
}

const windowLength = time.Minute

func newWindows(clock func() time.Time) *windows {
	return &windows{clock: clock, kept: map[[sha256.Size]byte]spent{}}
}

// spend adds to what the key has spent in its minute and returns how long to wait when that is more than it may.
func (w *windows) spend(key string, amount, most int) time.Duration {
	spent, left := w.add(key, amount, most+1, windowLength)
	if spent <= most {
		return 0
	}
	return left
}

// count adds one to the key's count, which ends when the time since its first is over. It returns the count and how long it goes on.
func (w *windows) count(key string, within time.Duration) (count int, left time.Duration) {
	return w.add(key, 1, math.MaxInt32, within)
}

// counted returns the key's count.
func (w *windows) counted(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.kept[sha256.Sum256([]byte(key))]; w.clock().Before(s.until) {
		return s.amount
	}
	return 0
}

func (w *windows) add(key string, amount, most int, within time.Duration) (spentSoFar int, left time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, hash := w.clock(), sha256.Sum256([]byte(key))
	s, known := w.kept[hash]
	if !known {
		w.sweep(now)
	}
	if !known || !now.Before(s.until) {
		s = spent{until: now.Add(within)}
	}
	s.amount = min(s.amount+amount, most)
	w.kept[hash] = s
	return s.amount, s.until.Sub(now)
}

// sweep makes room for a key: it forgets windows that are over, and everything when a flood of keys outruns that.
func (w *windows) sweep(now time.Time) {
	if len(w.kept) < maxWindows {
		return
	}
	for key, s := range w.kept {
		if !now.Before(s.until) {
			delete(w.kept, key)
		}
	}
	if len(w.kept) >= maxWindows {
		clear(w.kept)
	}
}
