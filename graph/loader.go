package graph

import (
	"context"
	"errors"
	"sync"
)

// loader reads the values of many keys in one call, for one response. Whoever finds a list says which keys its entries will ask for
// (expect); the first load then reads them all. There is no timer: nothing waits, and the number of calls does not depend on luck.
type loader[K comparable, V any] struct {
	fetch   func(ctx context.Context, keys []K) (map[K]V, error)
	mu      sync.Mutex
	loads   map[K]*load[K, V]
	waiting []K // expected and not yet read
}

// load is one call for many keys, or a value that was there from the start.
type load[K comparable, V any] struct {
	done   chan struct{}
	values map[K]V
	err    error
}

// errPanicked is what those get who share a call that panicked.
var errPanicked = errors.New("the call that read this panicked")

func newLoader[K comparable, V any](fetch func(ctx context.Context, keys []K) (map[K]V, error)) *loader[K, V] {
	return &loader[K, V]{fetch: fetch, loads: map[K]*load[K, V]{}}
}

// expect tells that the keys are likely to be asked for.
func (l *loader[K, V]) expect(keys ...K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if _, known := l.loads[key]; !known {
			l.loads[key] = nil
			l.waiting = append(l.waiting, key)
		}
	}
}

// prime gives values that are known already; a key without a value is known to have none.
func (l *loader[K, V]) prime(values map[K]V, keys ...K) {
	done := make(chan struct{})
	close(done)
	primed := &load[K, V]{done: done, values: values}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		l.loads[key] = primed
	}
	for key := range values {
		l.loads[key] = primed
	}
}

// load returns the value of the key; found is false when there is none. It returns the error of the call that read it.
func (l *loader[K, V]) load(ctx context.Context, key K) (value V, found bool, err error) {
	l.mu.Lock()
	current, known := l.loads[key]
	if !known || current == nil {
		if !known {
			l.waiting = append(l.waiting, key)
		}
		current = l.begin(ctx)
	} else {
		l.mu.Unlock()
	}
	select {
	case <-current.done:
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
	value, found = current.values[key]
	return value, found, current.err
}

// begin reads everything that waits. It is called with the lock, which it gives back before it reads.
func (l *loader[K, V]) begin(ctx context.Context) *load[K, V] {
	current := &load[K, V]{done: make(chan struct{})}
	keys := make([]K, 0, len(l.waiting))
	for _, key := range l.waiting {
		if l.loads[key] == nil { // not primed meanwhile
			l.loads[key] = current
			keys = append(keys, key)
		}
	}
	l.waiting = nil
	l.mu.Unlock()
	current.err = errPanicked // until the call returns
	defer close(current.done)
	values, err := l.fetch(ctx, keys)
	current.values, current.err = values, err
	return current
}
