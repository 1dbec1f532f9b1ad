package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

func measureMemory(ctx context.Context, b *bench, m measure) error {
	fresh, err := b.start(ctx, "serve")
	if err != nil {
		return err
	}
	defer fresh.stop()
	time.Sleep(2 * time.Second)
	b.within(m, "idle serve", fresh.rss(), "MiB", 60)
	const sockets = 10_000
	c := &crowd{}
	tokens := make([]string, sockets/20)
	for i := range tokens {
		tokens[i] = b.token(audienceTenant, i+1)
	}
	if err := c.gather(sockets, func(i int) (*websocket.Conn, error) { return subscribe(fresh.url, tokens[i/20], listEvents) }); err != nil {
		return err
	}
	defer c.leave()
	time.Sleep(2 * time.Second)
	if n := c.ended.Load(); n > 0 {
		return fmt.Errorf("%d of %d sockets were closed", n, sockets)
	}
	b.within(m, "serve with 10,000 subscribers", fresh.rss(), "MiB", 250)
	return nil
}

func measureStart(ctx context.Context, b *bench, m measure) error {
	our, _, err := b.compare(ctx, m.id, plain(func(ctx context.Context) (float64, error) {
		fresh, err := b.start(ctx, "serve")
		if err != nil {
			return 0, err
		}
		fresh.stop()
		return ms(fresh.ready), nil
	}), nil)
	if err != nil {
		return err
	}
	b.within(m, "serve on a migrated database until /readyz", our.figure(), "ms", 300)
	return nil
}

// measurePush brings webhooks at a steady rate and takes the time until each is in the frame of every one of 20 sockets of its tenant.
func measurePush(ctx context.Context, b *bench, m measure) error {
	ours, err := b.pushTime(ctx, b.serve.url, "/webhooks/meta", func(t, i int) (*websocket.Conn, error) {
		return subscribe(b.serve.url, b.token(t, i+1), listEvents)
	})
	if err != nil {
		return err
	}
	beside, err := b.pushTime(ctx, b.standins.url, "/ingest", func(t, _ int) (*websocket.Conn, error) { return room(b.standins.url, ref(t, 0)) })
	if err != nil {
		return err
	}
	b.add(row{ID: m.id, What: "webhook to the last of 20 frames, 100/s, 10 tenants, p99", Ours: ours, Unit: "ms", Beside: beside,
		Name: "minimal path, no cursor, no resume", Ratio: ours / beside, Goal: "<= 2", OK: ours/beside <= 2})
	return nil
}

func (b *bench) pushTime(ctx context.Context, url, path string, open func(t, i int) (*websocket.Conn, error)) (float64, error) {
	var mu sync.Mutex
	sent, took := map[string]time.Time{}, []float64{}
	c := &crowd{onText: func(text []byte) {
		_, rest, found := strings.Cut(string(text), "push-")
		if !found {
			return
		}
		mark, _, _ := strings.Cut(rest, "-")
		mu.Lock()
		defer mu.Unlock()
		if at, ok := sent[mark]; ok {
			took = append(took, ms(time.Since(at)))
		}
	}}
	if err := c.gather(200, func(i int) (*websocket.Conn, error) { return open(3+i/20, i%20) }); err != nil {
		return 0, err
	}
	defer c.leave()
	time.Sleep(time.Second)
	const times = 500
	h, calls := &hooks{}, sync.WaitGroup{}
	pool := make(chan *caller, 32)
	for range cap(pool) {
		call, err := dial(url)
		if err != nil {
			return 0, err
		}
		pool <- call
	}
	next := time.Now()
	for n := range times {
		time.Sleep(time.Until(next))
		next = next.Add(10 * time.Millisecond)
		mark := fmt.Sprint(n)
		body, header := h.hook(ref(3+n%10, 0), fmt.Sprintf("4917%08d", n%50), "push-"+mark+"-")
		mu.Lock()
		sent[mark] = time.Now()
		mu.Unlock()
		calls.Go(func() {
			call := <-pool
			_, _ = call.call(http.MethodPost, path, header, body)
			pool <- call
		})
	}
	calls.Wait()
	time.Sleep(time.Second)
	mu.Lock()
	defer mu.Unlock()
	if len(took) < times*20 {
		return 0, fmt.Errorf("%d of %d frames came", len(took), times*20)
	}
	return quantile(took, 0.99), ctx.Err()
}

// measurePickUp sends replies on an idle system and takes the time from the acknowledgement to the provider's call.
func measurePickUp(ctx context.Context, b *bench, m measure) error {
	if _, err := b.pool.Exec(ctx, `DELETE FROM dispatches`); err != nil { // what other measures left
		return err
	}
	if err := b.working(ctx); err != nil {
		return err
	}
	c, err := dial(b.serve.url)
	if err != nil {
		return err
	}
	defer c.close()
	called := make(chan time.Time, 100)
	b.provider.watch(func(body string) {
		if strings.Contains(body, "picked up") {
			called <- time.Now()
		}
	})
	defer b.provider.watch(nil)
	var took []float64
	for n := range 60 {
		t, conversation := 2+n%10, openUnassigned(100+n/10)
		input := map[string]any{"conversationId": conversationID(t, conversation), "text": "picked up"}
		if _, err := c.ask(b.token(t, 1), query(acts()[0].document, map[string]any{"i": input})); err != nil {
			return err
		}
		at := time.Now()
		select {
		case then := <-called:
			took = append(took, ms(max(then.Sub(at), 0)))
		case <-time.After(15 * time.Second):
			return fmt.Errorf("the provider was not called within 15 s")
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.within(m, "reply acknowledged to provider called, idle, p95", quantile(took, 0.95), "ms", 15)
	return nil
}

// measureWatched compares ingest with and without people who watch; a process without subscribers reads no events.
func measureWatched(ctx context.Context, b *bench, m measure) error {
	unwatched := b.post(b.serve, "/webhooks/meta", 10, 64)
	watched := func(ctx context.Context) (sample, error) {
		c := &crowd{}
		err := c.gather(200, func(i int) (*websocket.Conn, error) {
			return subscribe(b.serve.url, b.token(firstEmpty+i/20, i%20+1), listEvents)
		})
		if err != nil {
			return sample{}, err
		}
		defer c.leave()
		return unwatched(ctx)
	}
	if _, err := unwatched(ctx); err != nil {
		return err
	}
	return b.faster(ctx, m, "webhooks of 10 tenants, 64 connections, with 200 subscribers", "/s", "without subscribers", 0.9, watched, unwatched)
}
