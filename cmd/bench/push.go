package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// route is a way from a webhook to the sockets of its tenant: ours or a stand-in's.
type route struct {
	to   *process
	path string
	kind string                                  // is in a frame that tells of a new message, and in no other
	open func(t, i int) (*websocket.Conn, error) // the ith socket of a tenant
}

func (b *bench) ourRoute() route {
	return route{b.serve, "/webhooks/meta", "MESSAGE_CREATED", func(t, i int) (*websocket.Conn, error) {
		return subscribe(b.serve.url, b.token(t, i+1), listEvents)
	}}
}

func (b *bench) minimalRoute() route {
	return route{b.standins, "/push", "text", func(t, _ int) (*websocket.Conn, error) { return room(b.standins.url, ref(t, 0)) }}
}

const (
	pushSockets = 20                     // of each tenant
	pushPeople  = 200                    // who write to each tenant
	pushMark    = "push-"                // begins the number of a message in its text
	pushLimit   = 100 * time.Millisecond // what the knee allows at the 99th percentile
)

// push is sockets that watch tenants while webhooks come.
type push struct {
	route
	first, tenants int
	crowd          *crowd
	callers        callers
	hooks          hooks
	n              int // messages so far
	step           atomic.Pointer[pushStep]
	problem        atomic.Pointer[error] // the newest; what failed is missing
}

// pushStep is one stretch at a steady rate.
type pushStep struct {
	from int // number of its first message
	told []arrival
}

// arrival says how many sockets have a message, and when the last of them had it.
type arrival struct {
	sockets, last atomic.Int64
	due           time.Time
}

func (r route) watch(first, tenants int) (*push, error) {
	p := &push{route: r, first: first, tenants: tenants}
	p.crowd = &crowd{onText: p.note}
	err := p.crowd.gather(tenants*pushSockets, func(i int) (*websocket.Conn, error) { return r.open(first+i/pushSockets, i%pushSockets) })
	if err != nil {
		return nil, err
	}
	if p.callers, err = openCallers(r.to.url, 64); err != nil {
		p.crowd.leave()
	}
	return p, err
}

func (p *push) close() {
	p.callers.close()
	p.crowd.leave()
}

// warm lets everybody write once, so that their conversations are there, and the subscriptions have begun.
func (p *push) warm(ctx context.Context) error {
	for range 10 {
		if _, missing := p.at(ctx, 400, time.Duration(p.tenants*pushPeople)*time.Second/400); missing == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s loses messages at 400 a second: %d sockets are closed, %w", p.path, p.crowd.ended.Load(), p.failed())
}

func (p *push) fail(err error) {
	if err != nil {
		p.problem.Store(&err)
	}
}

func (p *push) failed() error {
	if err := p.problem.Load(); err != nil {
		return *err
	}
	return errors.New("no call failed")
}

// note notes a frame.
func (p *push) note(text []byte) {
	step := p.step.Load()
	_, rest, found := bytes.Cut(text, []byte(pushMark))
	if !found || step == nil || !bytes.Contains(text, []byte(p.kind)) {
		return
	}
	digits, _, _ := bytes.Cut(rest, []byte("."))
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < step.from || n >= step.from+len(step.told) {
		return
	}
	t := &step.told[n-step.from]
	t.last.Store(time.Now().UnixNano())
	t.sockets.Add(1)
}

// at brings webhooks at a rate for a while and returns the milliseconds from when each was to be sent until the last of its tenant's sockets had
// it, and how many messages did not reach all of them within two seconds after the end.
func (p *push) at(ctx context.Context, perSecond float64, length time.Duration) (took []float64, missing int) {
	step := &pushStep{from: p.n, told: make([]arrival, int(perSecond*length.Seconds())+1)}
	p.step.Store(step)
	sent := steady(ctx, perSecond, length, func(n int, due time.Time) {
		step.told[n].due = due
		who := step.from + n
		body, header := p.hooks.hook(ref(p.first+who%p.tenants, 0), fmt.Sprintf("4917%08d", who/p.tenants%pushPeople), fmt.Sprintf("%s%d.", pushMark, who))
		p.fail(p.callers.with(func(c *caller) error {
			_, err := c.call(http.MethodPost, p.path, header, body)
			return err
		}))
	})
	p.n += sent
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && step.left(sent) > 0; {
		time.Sleep(time.Millisecond)
	}
	for i := range sent {
		t := &step.told[i]
		if t.sockets.Load() >= pushSockets {
			took = append(took, ms(time.Unix(0, t.last.Load()).Sub(t.due)))
		}
	}
	return took, sent - len(took)
}

func (s *pushStep) left(sent int) (left int) {
	for i := range sent {
		if s.told[i].sockets.Load() < pushSockets {
			left++
		}
	}
	return left
}

// holds reports whether a rate can be held: nothing is missing, and 99 of 100 messages are there in time.
func (p *push) holds(ctx context.Context) func(perSecond float64) bool {
	return func(perSecond float64) bool {
		took, missing := p.at(ctx, perSecond, 1500*time.Millisecond)
		return missing == 0 && quantile(took, 0.99) < ms(pushLimit)
	}
}
