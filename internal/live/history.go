package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	keptBlocks = 16
	blockAge   = 30 * time.Second
)

var errTooOld = errors.New("history does not reach back so far")

// history reads older events in aligned blocks, one read at a time, so that the many who come back at once share the reads.
type history struct {
	turn   chan struct{} // held while reading
	mu     sync.Mutex
	blocks map[int64]block // by number: block n holds the events n*pageSize+1 to (n+1)*pageSize
}

type block struct {
	items []*Item
	read  time.Time
}

func (h *history) init() {
	h.turn = make(chan struct{}, 1)
	h.blocks = map[int64]block{}
}

func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.blocks)
}

// kept returns the items after the given number that a kept block holds.
func (h *history) kept(after int64) []*Item {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.blocks[after/pageSize]
	if !ok || time.Since(b.read) > blockAge {
		return nil
	}
	return itemsAfter(b.items, after)
}

func (h *history) keep(number int64, items []*Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.blocks) >= keptBlocks {
		oldest := number
		for n, b := range h.blocks {
			if other, ok := h.blocks[oldest]; !ok || b.read.Before(other.read) {
				oldest = n
			}
		}
		delete(h.blocks, oldest)
	}
	h.blocks[number] = block{items: items, read: time.Now()}
}

// itemsAfter returns those of the items, which have no gap, that follow the given number.
func itemsAfter(items []*Item, after int64) []*Item {
	if len(items) == 0 || items[len(items)-1].Seq <= after {
		return nil
	}
	if skip := after - items[0].Seq + 1; skip > 0 {
		return items[skip:]
	}
	return items
}

// past returns some of the items after the given number of the numbering, in order and without a gap. It returns errTooOld when they are no longer
// kept, and errReplaced when the stream starts over.
func (s *stream) past(ctx context.Context, after int64, turned chan struct{}) ([]*Item, error) {
	items := s.history.kept(after)
	if items == nil {
		select {
		case s.history.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-s.history.turn }()
		if items = s.history.kept(after); items == nil {
			var err error
			if items, err = s.readBlock(ctx, after); err != nil {
				return nil, err
			}
		}
	}
	if s.standing().turned != turned { // until here, what is kept and read is of the numbering
		return nil, errReplaced
	}
	if len(items) == 0 || items[0].Seq != after+1 {
		return nil, errTooOld
	}
	return items, nil
}

// readBlock reads and keeps the block that holds the event after the given number, and returns its items from there on. It returns errReplaced
// when the database no longer goes on from where the stream stands; the stream then starts over.
func (s *stream) readBlock(ctx context.Context, after int64) ([]*Item, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	if err := faultpoint.Point("sub.history"); err != nil {
		return nil, err
	}
	stood := s.standing()
	number := after / pageSize
	page, err := s.hub.cfg.Source.Events(ctx, s.tenant, number*pageSize, pageSize, nil)
	if err != nil {
		return nil, err
	}
	if !s.compare(stood, inbox.Cursor{Epoch: page.Epoch, Seq: page.Head}) {
		return nil, errReplaced
	}
	items := itemsOf(page.Events, page.Epoch)
	for len(items) > 0 && items[len(items)-1].Seq > (number+1)*pageSize {
		items = items[:len(items)-1] // the block's beginning is gone, so the page went past its end
	}
	s.mu.Lock()
	if s.turned == stood.turned { // begin, which forgets all blocks, is not under way
		s.history.keep(number, items)
	}
	s.mu.Unlock()
	return itemsAfter(items, after), nil
}

// cover loads what those of the items point to that are wanted and have less loaded than is needed. It takes its turn, so that those who need
// the same share a read; the reader has no turn to wait for, because everybody waits for it.
func (s *stream) cover(ctx context.Context, turn chan struct{}, items []*Item, want inbox.Want) error {
	if missing, _ := bare(items, want); len(missing) == 0 {
		return nil
	}
	if turn != nil {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	for { // somebody may have loaded them meanwhile, or something else of them
		missing, reach := bare(items, want)
		if len(missing) == 0 {
			return nil
		}
		snapshot, err := s.hub.cfg.Source.Snapshot(ctx, s.tenant, eventsOf(missing), reach)
		if err != nil {
			return err
		}
		loaded := loadingOf(snapshot)
		for _, item := range missing {
			item.widen(loaded)
		}
	}
}

// bare returns those of the items that are wanted and have less loaded than is needed, and how much to load for all of them: what others have
// loaded is loaded again with the rest, so that an item never loses any of it.
func bare(items []*Item, want inbox.Want) (missing []*Item, reach inbox.Reach) {
	for _, item := range items {
		need, wanted := want(&item.Event)
		loaded := item.Snapshot()
		if !wanted || reaches(loaded, need) {
			continue
		}
		if loaded != nil {
			need = need.And(loaded.Reach)
		}
		missing, reach = append(missing, item), reach.And(need)
	}
	return missing, reach
}

// widen gives the item what it points to, unless it has something that is not in it.
func (i *Item) widen(wider *loading) {
	for {
		loaded := i.loaded.Load()
		if loaded != nil && !wider.snapshot.Reach.Holds(loaded.snapshot.Reach) || i.loaded.CompareAndSwap(loaded, wider) {
			return
		}
	}
}

func eventsOf(items []*Item) []inbox.Event {
	events := make([]inbox.Event, len(items))
	for i, item := range items {
		events[i] = item.Event
	}
	return events
}
