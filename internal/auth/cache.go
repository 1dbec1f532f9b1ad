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

// A cache this full is emptied rather than let grow under a flood of made-up credentials.
const maxRemembered = 10_000

type cache struct {
	clock   func() time.Time
	mu      sync.Mutex
	entries map[string]cached
}

type cached struct {
	value any
	until time.Time
}

func newCache(clock func() time.Time) *cache {
	return &cache{clock: clock, entries: map[string]cached{}}
}

func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// remember returns the remembered value of the key, or asks for it and remembers the answer that long. The lock is not held while asking.
func remember[T any](c *cache, key string, life time.Duration, ask func() (T, error)) (T, error) {
	now := c.clock()
	c.mu.Lock()
	found, ok := c.entries[key]
	c.mu.Unlock()
	if ok && now.Before(found.until) {
		return found.value.(T), nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxRemembered {
		clear(c.entries)
	}
	c.entries[key] = cached{value: value, until: now.Add(life)}
	return value, nil
}
