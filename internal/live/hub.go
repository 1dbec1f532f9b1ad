package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Hub follows the tenants that have subscribers in this process. It is safe for concurrent use.
type Hub struct {
	cfg    Config
	ctx    context.Context // ends when the Hub does; every goroutine of it ends with it
	cancel context.CancelFunc
	slots  chan struct{} // one for each tenant that is being read
	look   chan struct{} // asks Run to poll now
	pace   pace

	mu      sync.Mutex
	streams map[inbox.TenantID]*stream
	closed  bool
	work    sync.WaitGroup
}

// New returns a Hub that reads from the source. It serves at once; Run adds the poll and ends it.
func New(cfg Config) *Hub {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Hub{
		cfg: cfg, ctx: ctx, cancel: cancel, slots: make(chan struct{}, cfg.Readers), look: make(chan struct{}, 1),
		streams: map[inbox.TenantID]*stream{},
	}
}

// Wake tells that the tenant has events up to seq, which this process committed: when the database does not have them, they are lost. It never
// blocks; for a tenant nobody here listens to it does nothing.
func (h *Hub) Wake(tenant inbox.TenantID, seq int64) {
	if s := h.follows(tenant); s != nil {
		s.wake(seq)
	}
}

// Hint tells that somebody says the tenant has events up to seq. The tenant is looked at, unless so much is known, and nothing else follows: every
// role that may connect to the database can say anything. It never blocks; for a tenant nobody here listens to it does nothing.
func (h *Hub) Hint(tenant inbox.TenantID, seq int64) {
	if s := h.follows(tenant); s != nil {
		s.hint(seq)
	}
}

func (h *Hub) follows(tenant inbox.TenantID) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams[tenant]
}

// WakeAll tells that wakes may have been lost: every tenant with subscribers is looked at. It never blocks.
func (h *Hub) WakeAll() {
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// Run polls heads until ctx ends, so that a lost wake costs seconds and never an event; then it ends every subscription, waits for
// the goroutines of the Hub, and returns nil.
func (h *Hub) Run(ctx context.Context) error {
	defer h.close()
	ticker := time.NewTicker(h.cfg.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-h.look:
		}
		h.retireIdle()
		h.tryPoll(ctx)
	}
}

func (h *Hub) poll(ctx context.Context) {
	streams := h.followed()
	if len(streams) == 0 {
		return
	}
	tenants, stood := make([]inbox.TenantID, len(streams)), make([]standing, len(streams))
	for i, s := range streams {
		tenants[i], stood[i] = s.tenant, s.standing()
	}
	ctx, cancel := context.WithTimeout(ctx, max(h.cfg.Poll, time.Second))
	defer cancel()
	heads, err := h.cfg.Source.Heads(ctx, tenants)
	if err != nil {
		h.cfg.Log.Warn("live: heads cannot be read; trying again", "error", err)
		return
	}
	for i, s := range streams {
		if head, ok := heads[s.tenant]; ok {
			s.compare(stood[i], head)
		}
	}
}

func (h *Hub) followed() []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.streams))
}

// retireIdle stops following tenants that nobody has listened to for a while.
func (h *Hub) retireIdle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for tenant, s := range h.streams {
		if s.retire(time.Now().Add(-h.cfg.Linger)) {
			delete(h.streams, tenant)
		}
	}
}

// stream returns the tenant's stream, started. The first caller starts it and the others wait.
func (h *Hub) stream(ctx context.Context, tenant inbox.TenantID) (*stream, error) {
	h.mu.Lock()
	s := h.streams[tenant]
	if s == nil {
		s = newStream(h, tenant)
		if !h.spawnLocked(s.start) {
			h.mu.Unlock()
			return nil, closed()
		}
		h.streams[tenant] = s
	}
	h.mu.Unlock()
	select {
	case <-s.ready:
		return s, s.failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h *Hub) forget(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[s.tenant] == s {
		delete(h.streams, s.tenant)
	}
}

// spawn runs fn in a goroutine that close waits for. It returns false, and does nothing, once the Hub is closed.
func (h *Hub) spawn(fn func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spawnLocked(fn)
}

func (h *Hub) spawnLocked(fn func()) bool {
	if h.closed {
		return false
	}
	h.work.Go(fn)
	return true
}

func (h *Hub) close() {
	h.mu.Lock()
	h.closed = true
	streams := h.streams
	h.streams = map[inbox.TenantID]*stream{}
	h.mu.Unlock()
	h.cancel()
	h.work.Wait()
	for _, s := range streams {
		for _, sub := range s.everybody() {
			sub.end(Over)
		}
	}
}

// Stats is how busy a Hub is.
type Stats struct {
	Tenants     int // followed
	Subscribers int
}

// Stats returns how busy the Hub is.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := Stats{Tenants: len(h.streams)}
	for _, s := range h.streams {
		stats.Subscribers += s.size()
	}
	return stats
}
