package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// bullPickUp is BullMQ's pick-up at the 95th percentile, in milliseconds, a fixed figure of PERFORMANCE.md's kind.
const bullPickUp = 3.6

// pickUps takes the time from an acknowledgement to the provider's call.
type pickUps struct {
	called chan time.Time
	took   []float64
}

// once runs a request that leads to a call, waits for that, and rests, so that the next one finds an idle system.
func (p *pickUps) once(request func() error) error {
	if err := request(); err != nil {
		return err
	}
	at := time.Now()
	select {
	case then := <-p.called:
		p.took = append(p.took, ms(max(then.Sub(at), 0)))
	case <-time.After(15 * time.Second):
		return errors.New("the provider was not called within 15 s")
	}
	time.Sleep(30 * time.Millisecond)
	return nil
}

// inTurns calls both so many times; who begins changes.
func inTurns(times int, sides ...func(n int) error) error {
	for n := range times {
		for turn := range sides {
			if err := sides[(n+turn)%len(sides)](n); err != nil {
				return err
			}
		}
	}
	return nil
}

// measurePickUp sends replies on an idle system, in turns with a stand-in that commits a row, pushes its id to a list and waits at its end.
func measurePickUp(ctx context.Context, b *bench, m measure) error {
	if _, err := b.pool.Exec(ctx, `DELETE FROM dispatches`); err != nil { // what other measures left
		return err
	}
	if err := b.working(ctx); err != nil {
		return err
	}
	us, err := dial(b.serve.url)
	if err != nil {
		return err
	}
	defer us.close()
	raw, err := dial(b.standins.url)
	if err != nil {
		return err
	}
	defer raw.close()
	ours, beside := &pickUps{called: make(chan time.Time, 100)}, &pickUps{called: make(chan time.Time, 100)}
	b.provider.watch(func(body string) {
		switch {
		case strings.Contains(body, "picked up"):
			ours.called <- time.Now()
		case strings.Contains(body, "popped"):
			beside.called <- time.Now()
		}
	})
	defer b.provider.watch(nil)
	reply := func(n int) error {
		input := map[string]any{"conversationId": conversationID(2+n%10, openUnassigned(100+n/10)), "text": "picked up"}
		body := query(acts()[0].document, map[string]any{"i": input})
		return ours.once(func() error { _, err := us.ask(b.token(2+n%10, 1), body); return err })
	}
	pop := func(n int) error {
		return beside.once(func() error {
			_, err := raw.call(http.MethodPost, fmt.Sprintf("/reply?n=%d", n+1), "", []byte(`{"text":"popped"}`))
			return err
		})
	}
	if err := inTurns(10, reply, pop); err != nil { // each tenant's first is not measured
		return err
	}
	ours.took, beside.took = nil, nil
	if err := inTurns(20*b.options.rounds, func(n int) error { return reply(10 + n) }, func(n int) error { return pop(10 + n) }); err != nil {
		return err
	}
	our, other := quantile(ours.took, 0.95), quantile(beside.took, 0.95)
	b.add(row{ID: m.id, What: "reply acknowledged to provider called, idle, p95", Ours: our, Unit: "ms", Beside: bullPickUp, Name: "BullMQ (fixed figure)",
		Ratio: our / bullPickUp, Goal: "<= 15 ms", OK: our <= 15})
	b.add(row{ID: m.id, What: "the same", Ours: our, Unit: "ms", Beside: other, Name: "raw blocking pop, select, call", Ratio: our / other, Goal: "none", OK: true})
	return nil
}
