package httpd

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections are those that the server knows.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// note is told of every change by the server.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	case http.StateActive, http.StateIdle:
	}
}

// giveUp ends every write that waits for its reader when the time is over, again and again until ctx ends: who writes in parts sets a new deadline
// for the next.
func (c *connections) giveUp(ctx context.Context, after time.Duration) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		c.mu.Lock()
		for conn := range c.open {
			_ = conn.SetWriteDeadline(time.Now())
		}
		c.mu.Unlock()
		timer.Reset(100 * time.Millisecond)
	}
}
