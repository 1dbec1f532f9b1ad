package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// neighbour is tenant B at work: webhooks come to its sockets, and its replies go to the provider.
type neighbour struct {
	*bench
	push    *push
	callers callers
	loud    callers // tenant A's agents
	tokens  []string
	replied int
	shouted int
	taken   atomic.Int64 // of what tenant A sent

	mu   sync.Mutex
	due  map[string]time.Time
	took []float64
}

// heard is what the provider sees; texts of tenant B carry their number.
func (n *neighbour) heard(body string) {
	_, rest, found := strings.Cut(body, "reply-")
	if !found {
		return
	}
	mark, _, _ := strings.Cut(rest, ".")
	n.mu.Lock()
	defer n.mu.Unlock()
	if due, ok := n.due[mark]; ok {
		n.took = append(n.took, ms(time.Since(due)))
		delete(n.due, mark)
	}
}

// measureNeighbour compares what tenant B sees while tenant A sends ten times what its number may send against what it sees alone.
func measureNeighbour(ctx context.Context, b *bench, m measure) error {
	if _, err := b.pool.Exec(ctx, `DELETE FROM dispatches`); err != nil { // what other measures left
		return err
	}
	if err := b.working(ctx); err != nil {
		return err
	}
	n := &neighbour{bench: b, tokens: b.tokensOf(limitedTenant), due: map[string]time.Time{}}
	if err := n.open(); err != nil {
		return err
	}
	defer n.close()
	if err := n.push.warm(ctx); err != nil {
		return err
	}
	var pushes, dispatches [2][]float64
	for round := range b.options.rounds {
		for turn := range 2 {
			which := (round + turn) % 2
			push, dispatch, err := n.stretch(ctx, which == 0)
			if err != nil {
				return err
			}
			pushes[which], dispatches[which] = append(pushes[which], push), append(dispatches[which], dispatch)
		}
	}
	for what, figures := range map[string][2][]float64{"push": pushes, "dispatch": dispatches} {
		with, without := median(figures[0]), median(figures[1])
		b.add(row{ID: m.id, What: fmt.Sprintf("tenant B's %s p95 while A sends 10 x its limit of %d/s", what, limitedRate), Ours: with, Unit: "ms",
			Beside: without, Name: "without A", Ratio: with / without, Goal: "<= 1.5", OK: with/without <= 1.5})
	}
	return nil
}

func (n *neighbour) open() (err error) {
	if n.push, err = n.ourRoute().watch(neighbourTenant, 1); err != nil {
		return err
	}
	if n.callers, err = openCallers(n.serve.url, 16); err == nil {
		n.loud, err = openCallers(n.serve.url, 32)
	}
	n.provider.watch(n.heard)
	return err
}

func (n *neighbour) close() {
	n.provider.watch(nil)
	n.push.close()
	n.callers.close()
	n.loud.close()
}

// stretch lets tenant B work for a while, and tenant A with it if it is to be loud, and returns B's 95th percentiles.
func (n *neighbour) stretch(ctx context.Context, loud bool) (push, dispatch float64, err error) {
	const length = 3 * time.Second
	n.mu.Lock()
	n.took = nil
	n.mu.Unlock()
	n.taken.Store(0)
	var work sync.WaitGroup
	if loud {
		work.Go(func() { n.shouted += steady(ctx, 10*limitedRate, length, n.shout) })
	}
	work.Go(func() { n.replied += steady(ctx, 40, length, n.reply) })
	took, missing := n.push.at(ctx, 40, length)
	work.Wait()
	if err := n.loudly(loud, length); err != nil {
		return 0, 0, err
	}
	for end := time.Now().Add(5 * time.Second); n.waiting() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if missing > 0 || n.waiting() > 0 {
		return 0, 0, fmt.Errorf("%d pushes and %d calls are missing", missing, n.waiting())
	}
	_, err = n.pool.Exec(ctx, `DELETE FROM dispatches WHERE tenant_id = $1`, tenantID(limitedTenant))
	return quantile(took, 0.95), quantile(n.took, 0.95), errors.Join(err, ctx.Err())
}

// loudly looks whether tenant A was heard: one whose calls fail is a quiet neighbour.
func (n *neighbour) loudly(loud bool, length time.Duration) error {
	wanted := int64(0.9 * 10 * limitedRate * length.Seconds())
	if taken := n.taken.Load(); loud && taken < wanted {
		return fmt.Errorf("only %d of tenant A's messages were accepted, want %d at least", taken, wanted)
	}
	return nil
}

func (n *neighbour) waiting() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.due)
}

// reply sends one of tenant B's replies; its time counts from when it was to be sent.
func (n *neighbour) reply(i int, due time.Time) {
	mark := fmt.Sprint(n.replied + i)
	n.mu.Lock()
	n.due[mark] = due
	n.mu.Unlock()
	to := conversationID(neighbourTenant, openUnassigned((n.replied+i)%200))
	_ = n.send(n.callers, n.token(neighbourTenant, 1+i%everybody), to, "reply-"+mark+".") // one that fails is missing at the provider
}

// shout sends one of tenant A's; most of them wait for their number's turn.
func (n *neighbour) shout(i int, _ time.Time) {
	if n.send(n.loud, n.tokens[i%everybody], conversationID(limitedTenant, openUnassigned((n.shouted+i)%200)), "loud") == nil {
		n.taken.Add(1)
	}
}

func (n *neighbour) send(from callers, token string, conversation fmt.Stringer, text string) error {
	body := query(acts()[0].document, map[string]any{"i": map[string]any{"conversationId": conversation, "text": text}})
	return from.with(func(c *caller) error {
		_, err := c.ask(token, body)
		return err
	})
}
