package simulator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The pauses between attempts to hand over a webhook: short, because the receiver is usually a developer's process that restarts.
const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// outbox hands webhooks over, each again and again until it is taken. Those of one lane go out in order, lanes side by side.
type outbox struct {
	post  func(context.Context, Delivery) error
	taken func(Delivery)
	tell  func(outboxState)

	mu    sync.Mutex
	lanes map[string]*lane
	begin func(*lane) // nil until run
	count int         // webhooks in all lanes
	fails int         // lanes whose last attempt failed
	last  string      // the last failure
}

// lane is the queue of one chat.
type lane struct {
	name    string
	queue   []Delivery
	running bool
	failing bool
	wake    chan struct{}
}

// outboxState is what the page shows of the outbox.
type outboxState struct {
	Waiting int    `json:"waiting"`
	Failing int    `json:"failing"`
	Error   string `json:"error,omitzero"`
}

func newOutbox(post func(context.Context, Delivery) error, taken func(Delivery), tell func(outboxState)) *outbox {
	return &outbox{post: post, taken: taken, tell: tell, lanes: map[string]*lane{}}
}

// add queues a webhook by its due time. One that is queued already is moved.
func (o *outbox) add(d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[d.Lane]
	if l == nil {
		l = &lane{name: d.Lane, wake: make(chan struct{}, 1)}
		o.lanes[d.Lane] = l
	}
	o.drop(l, d.ID)
	l.queue = append(l.queue, d)
	o.count++
	slices.SortStableFunc(l.queue, func(a, b Delivery) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Seq, b.Seq)) })
	select {
	case l.wake <- struct{}{}:
	default:
	}
	if o.begin != nil && !l.running {
		o.begin(l)
	}
}

// run drives the lanes until ctx ends.
func (o *outbox) run(ctx context.Context) {
	var group sync.WaitGroup
	o.mu.Lock()
	o.begin = func(l *lane) {
		if ctx.Err() != nil {
			return
		}
		l.running = true
		group.Go(func() { o.drive(ctx, l) })
	}
	for _, l := range o.lanes {
		o.begin(l)
	}
	o.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	o.begin = nil
	o.mu.Unlock()
	group.Wait()
}

// drive hands over the webhooks of one lane until none is left.
func (o *outbox) drive(ctx context.Context, l *lane) {
	backoff := firstBackoff
	for {
		d, ok := o.head(l)
		if !ok || ctx.Err() != nil {
			return
		}
		if wait := time.Until(d.Due); wait > 0 {
			o.rest(ctx, l, wait, true)
			continue // something more urgent may have come
		}
		err := o.post(ctx, d)
		if ctx.Err() != nil {
			return
		}
		o.note(l, err)
		if err != nil {
			o.rest(ctx, l, backoff, false)
			backoff = min(2*backoff, lastBackoff)
			continue
		}
		backoff = firstBackoff
		o.taken(d) // before it leaves the queue: whoever waits for the queue sees the effect
		o.mu.Lock()
		o.drop(l, d.ID)
		o.mu.Unlock()
		o.report()
	}
}

// drop takes a webhook out of the lane; the caller holds the lock.
func (o *outbox) drop(l *lane, id string) {
	before := len(l.queue)
	l.queue = slices.DeleteFunc(l.queue, func(q Delivery) bool { return q.ID == id })
	o.count -= before - len(l.queue)
}

// head returns the next webhook of the lane; when there is none, the lane ends.
func (o *outbox) head(l *lane) (Delivery, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(l.queue) == 0 {
		l.running = false
		delete(o.lanes, l.name)
		return Delivery{}, false
	}
	return l.queue[0], true
}

// rest waits, and ends early with ctx or, if asked, with a new webhook in the lane.
func (o *outbox) rest(ctx context.Context, l *lane, wait time.Duration, interruptible bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	wake := l.wake
	if !interruptible {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// note keeps how the last attempt of a lane went.
func (o *outbox) note(l *lane, err error) {
	o.mu.Lock()
	was := l.failing
	l.failing = err != nil
	switch {
	case l.failing && !was:
		o.fails++
	case was && !l.failing:
		o.fails--
	}
	if err != nil {
		o.last = err.Error()
	}
	o.mu.Unlock()
	if l.failing || was {
		o.report()
	}
}

func (o *outbox) report() { o.tell(o.state()) }

func (o *outbox) state() outboxState {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := outboxState{Waiting: o.count, Failing: o.fails}
	if o.fails > 0 {
		s.Error = o.last
	}
	return s
}

// await waits until none of the webhooks is queued any more. It returns an error when ctx ends first.
func (o *outbox) await(ctx context.Context, laneName string, ids []string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		o.mu.Lock()
		left := false
		if l := o.lanes[laneName]; l != nil {
			left = slices.ContainsFunc(l.queue, func(d Delivery) bool { return slices.Contains(ids, d.ID) })
		}
		o.mu.Unlock()
		if !left {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("simulator: webhooks not taken: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
