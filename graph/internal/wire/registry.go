package wire

import (
	"context"
	"sync"
)

// registry counts the long-lived connections of the process and ends them all when it drains.
type registry struct {
	limits Limits
	mu     sync.Mutex
	open   map[closer]struct{}
	keys   map[string]int // connections per caller, and per address of those that are nobody yet
	drains bool
	empty  chan struct{} // closed when draining and the last one is gone
}

// closer is a long-lived connection.
type closer interface {
	// restart tells the client to reconnect, soon elsewhere.
	restart()
}

func newRegistry(limits Limits) *registry {
	return &registry{limits: limits, open: map[closer]struct{}{}, keys: map[string]int{}, empty: make(chan struct{})}
}

// seat is one connection's place under a key.
type seat struct {
	registry *registry
	key      string
}

// take gives a key one more place, or reports that it has as many as it may.
func (r *registry) take(key string, most int) (*seat, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] >= most {
		return nil, false
	}
	r.keys[key]++
	return &seat{registry: r, key: key}, true
}

func (s *seat) leave() {
	if s == nil {
		return
	}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	if s.registry.keys[s.key]--; s.registry.keys[s.key] == 0 {
		delete(s.registry.keys, s.key)
	}
}

// add registers a connection. It reports false when the process is full or draining.
func (r *registry) add(c closer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drains || len(r.open) >= r.limits.PerProcess {
		return false
	}
	r.open[c] = struct{}{}
	return true
}

func (r *registry) remove(c closer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.open[c]; !known {
		return
	}
	if delete(r.open, c); r.drains && len(r.open) == 0 {
		close(r.empty)
	}
}

// full reports whether no connection can be added now.
func (r *registry) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drains || len(r.open) >= r.limits.PerProcess
}

// drain refuses new connections, asks the open ones to reconnect, and waits until they are gone. It returns ctx's error when ctx ends
// first.
func (r *registry) drain(ctx context.Context) error {
	r.mu.Lock()
	already := r.drains
	r.drains = true
	open := make([]closer, 0, len(r.open))
	for c := range r.open {
		open = append(open, c)
	}
	if !already && len(open) == 0 {
		close(r.empty)
	}
	r.mu.Unlock()
	for _, c := range open {
		go c.restart()
	}
	select {
	case <-r.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count returns how many sockets and event streams are open.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}
