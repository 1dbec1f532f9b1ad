package httpd

import (
	"errors"
	"io"
	"sync"
)

// What webhook bodies may hold of the memory, together and from one network: anybody can send 4 MB before a signature is looked at.
const (
	bodiesMost        = 128 << 20
	bodiesMostNetwork = 32 << 20
)

// errFull means that bodies hold all the memory they may.
var errFull = errors.New("httpd: webhook bodies hold all the memory they may")

// bodies counts the bytes of the bodies that are being read or worked on, by network.
type bodies struct {
	mu        sync.Mutex
	total     int64
	byNetwork map[string]int64
}

func newBodies() *bodies { return &bodies{byNetwork: map[string]int64{}} }

// take counts more bytes of a network, and reports false, counting nothing, when that is more than it may.
func (b *bodies) take(network string, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total+bytes > bodiesMost || b.byNetwork[network]+bytes > bodiesMostNetwork {
		return false
	}
	b.total += bytes
	b.byNetwork[network] += bytes
	return true
}

func (b *bodies) give(network string, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total -= bytes
	if b.byNetwork[network] -= bytes; b.byNetwork[network] == 0 {
		delete(b.byNetwork, network)
	}
}

// body is a request's body whose bytes are counted as they arrive, since what a client announces costs nothing yet.
type body struct {
	io.Reader
	of      *bodies
	network string
	held    int64
}

// Read reads, and returns errFull when there is no room for what it read.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n > 0 && !b.of.take(b.network, int64(n)) {
		return 0, errFull
	}
	b.held += int64(n)
	return n, err
}

// release gives back what was counted; the bytes are not needed any more.
func (b *body) release() { b.of.give(b.network, b.held) }
