package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// provider plays a provider that accepts every message after a while.
type provider struct {
	server  *http.Server
	url     string
	latency atomic.Int64 // of an answer, in nanoseconds
	sent    atomic.Int64

	mu   sync.Mutex
	hook func(body string) // called with every message, before its answer
}

func startProvider() (*provider, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return nil, err
	}
	p := &provider{url: "http://" + listener.Addr().String()}
	p.server = &http.Server{Handler: http.HandlerFunc(p.accept)} //nolint:gosec // loopback, and only the benchmark calls
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

func (p *provider) accept(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n := p.sent.Add(1)
	p.mu.Lock()
	hook := p.hook
	p.mu.Unlock()
	if hook != nil {
		hook(string(body))
	}
	time.Sleep(time.Duration(p.latency.Load()))
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.bench.%d.%d"}]}`,
		time.Now().UnixNano(), n)
}

// watch calls fn with every message from now on; nil ends that.
func (p *provider) watch(fn func(body string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = fn
}
