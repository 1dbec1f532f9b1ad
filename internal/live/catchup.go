package live

import (
	"context"
	"errors"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

var (
	errStalled  = errors.New("the subscriber takes nothing")
	errReplaced = errors.New("the numbering of events was replaced")
)

// catchUp serves a subscription from history until it has had everything, and turns it live. A taker that panics when it is told the end is over
// all the same.
func (sub *subscription) catchUp() {
	_ = sub.stream.guard(func() error {
		sub.serve()
		return nil
	})
}

// serve does so step by step, and waits after one that failed.
func (sub *subscription) serve() {
	for failures, panics := 0, 0; ; {
		live, err := sub.tryStep()
		switch {
		case live:
			return
		case sub.ctx.Err() != nil:
			sub.end(sub.fate())
			return
		case err == nil:
			failures, panics = 0, 0
		case errors.Is(err, errPanic):
			if panics++; panics == mostPanics {
				sub.end(NotShown)
				return
			}
			pause(sub.ctx, panics)
		case errors.Is(err, errReplaced):
			<-sub.ctx.Done() // the stream starts over, and dooms whoever is of before
		case errors.Is(err, errTooOld):
			sub.end(CursorTooOld)
			return
		case errors.Is(err, ErrNotShown):
			sub.end(NotShown)
			return
		case errors.Is(err, errStalled):
			sub.end(TooSlow)
			return
		case fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal):
			failures++
			pause(sub.ctx, failures)
		default: // the actor may not listen any more
			sub.end(Over)
			return
		}
	}
}

// step offers some items, or turns the subscription live when there are none.
func (sub *subscription) step() (live bool, err error) {
	if sub.due > 0 {
		if err := sub.recheck(sub.due); err != nil {
			return false, err
		}
		sub.due = 0
	}
	_ = faultpoint.Point("sub.drain")
	items, live, err := sub.next()
	if live || err != nil {
		return live, err
	}
	return false, sub.replay(items)
}

// next returns items that follow the subscription's place. When there are none it turns live, under the lock under which the reader
// advances. It returns errReplaced when the stream starts over: the place would be taken for one among other numbers.
func (sub *subscription) next() (items []*Item, live bool, err error) {
	s := sub.stream
	s.mu.Lock()
	if s.turned != sub.turned {
		s.mu.Unlock()
		return nil, false, errReplaced
	}
	if sub.pos >= s.last {
		cursor := inbox.Cursor{Epoch: s.epoch, Seq: sub.pos}.String()
		turned := sub.state.CompareAndSwap(stateCatching, stateLive)
		sub.group.roll = nil
		s.mu.Unlock()
		if turned {
			sub.caughtUp(cursor)
		}
		return nil, true, nil
	}
	if len(s.recent) > 0 && s.recent[0].Seq <= sub.pos+1 {
		items = itemsAfter(s.recent, sub.pos)
		items = items[:min(len(items), pageSize)]
	}
	s.mu.Unlock()
	if items != nil {
		return items, false, nil
	}
	items, err = s.past(sub.ctx, sub.pos, sub.turned)
	return items, false, err
}

// replay offers the items at the subscriber's own pace. It can be called again after an error: it goes on where it stopped.
func (sub *subscription) replay(items []*Item) error {
	audience := sub.group.audience
	want := func(e *inbox.Event) (inbox.Reach, bool) { return audience.Needs(), audience.Wants(e) }
	if err := sub.stream.cover(sub.ctx, sub.stream.history.turn, items, want); err != nil {
		return err
	}
	defer sub.taker.Flush()
	for _, item := range items {
		// Where the item lies in the past, what holds now decides.
		if changesAccess(&item.Event) && concerns(&item.Event, sub.actor) {
			if err := sub.recheck(item.Seq); err != nil {
				return err
			}
		}
		if audience.Wants(&item.Event) {
			held := item.held(audience.Needs())
			if held == nil {
				return nil // the reader let go of it meanwhile; load it again
			}
			if err := sub.insist(held, audience.View(held, sub.actor)); err != nil {
				return err
			}
		}
		sub.pos = item.Seq
	}
	return nil
}

// insist passes the item on as soon as the subscriber has room.
func (sub *subscription) insist(item *Item, view View) error {
	switch view {
	case Nothing:
		return sub.ctx.Err()
	case Gone:
		sub.end(Over)
		return sub.ctx.Err()
	}
	for sub.state.Load() == stateCatching {
		if sub.full {
			if err := sub.wait(); err != nil {
				return err
			}
		}
		if sub.full = !sub.taker.Take(item, view); !sub.full {
			break
		}
	}
	return sub.ctx.Err()
}

// wait waits until a taker whose buffer was full has room. It returns errStalled when that takes too long, and ErrNotShown from the taker.
func (sub *subscription) wait() error {
	ctx, cancel := context.WithTimeout(sub.ctx, sub.stream.hub.cfg.Stall)
	defer cancel()
	sub.taker.Flush()
	err := sub.taker.Wait(ctx)
	if sub.ctx.Err() != nil {
		return sub.ctx.Err()
	}
	if err != nil && !errors.Is(err, ErrNotShown) {
		return errStalled
	}
	return err
}
