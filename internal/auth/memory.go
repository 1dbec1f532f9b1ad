package auth

import (
	"sync"
	"time"
)

// What is known of a caller is remembered this long. Revocation holds everywhere within 5 s, sockets that end after it included, so
// memory must be shorter.
const rememberFor = 4 * time.Second

// That a token was signed by us stays true, so it is looked at once. Whether it still holds is asked every time.
const rememberSigned = longestLife + leeway

// A memory this full is emptied rather than let grow under a flood of made-up credentials.
const maxRemembered = 10_000

// memory holds what is known of one kind of thing. Each kind has one of its own, so that a flood of one makes no other forgotten.
type memory[T any] struct {
	clock   func() time.Time
	life    time.Duration
	mu      sync.Mutex
	entries map[string]remembered[T]
}

type remembered[T any] struct {
	value T
	until time.Time
}

func newMemory[T any](clock func() time.Time, life time.Duration) *memory[T] {
	return &memory[T]{clock: clock, life: life, entries: map[string]remembered[T]{}}
}

func (m *memory[T]) drop(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}

// recall returns the remembered value of the key, or asks for it and remembers the answer. The lock is not held while asking.
func (m *memory[T]) recall(key string, ask func() (T, error)) (T, error) {
	now := m.clock()
	m.mu.Lock()
	found, ok := m.entries[key]
	m.mu.Unlock()
	if ok && now.Before(found.until) {
		return found.value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= maxRemembered {
		clear(m.entries)
	}
	m.entries[key] = remembered[T]{value: value, until: now.Add(m.life)}
	return value, nil
}
