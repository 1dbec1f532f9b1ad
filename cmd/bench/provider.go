package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
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

// called calls the provider n times, so many at once, and does nothing else; it returns how many a second it answered.
func (p *provider) called(ctx context.Context, atOnce, n int) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	callers, begun := errgroup.Group{}, time.Now()
	for range atOnce {
		callers.Go(func() error {
			for left.Add(-1) >= 0 {
				if _, err := ask(ctx, client, http.MethodPost, p.url); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := callers.Wait()
	return float64(n) / time.Since(begun).Seconds(), err
}

// watch calls fn with every message from now on; nil ends that.
func (p *provider) watch(fn func(body string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = fn
}
