package live

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	batchSize = 32 // items that a member is offered before it is the next one's turn
	share     = 64 // members that a worker offers a batch to before it takes more
)

// roll is the live members of a group at one moment.
type roll struct {
	audience Audience
	members  []*subscription
}

func (g *group) live() []*subscription {
	if g.roll == nil {
		g.roll = make([]*subscription, 0, len(g.members))
		for sub := range g.members {
			if sub.state.Load() == stateLive {
				g.roll = append(g.roll, sub)
			}
		}
	}
	return g.roll
}

// offer offers the items in their order, and lets those that change what somebody may see take effect in between.
func (s *stream) offer(items []*Item, rolls []roll) {
	audiences := make([]Audience, len(rolls))
	for i, r := range rolls {
		audiences[i] = r.audience
	}
	for failures := 1; ; failures++ {
		err := s.cover(s.hub.ctx, nil, items, func(e *inbox.Event) (inbox.Reach, bool) { return wantedBy(audiences, e) })
		if err == nil {
			break
		}
		s.hub.cfg.Log.Warn("live: what events point to cannot be read; trying again", "tenant", s.tenant, "error", err)
		if pause(s.hub.ctx, failures); s.hub.ctx.Err() != nil {
			return
		}
	}
	items = fixed(items)
	for len(items) > 0 {
		n := 1
		for n < min(len(items), batchSize) && !changesAccess(&items[n].Event) {
			n++
		}
		s.changeAccess(items[0], rolls)
		for _, r := range rolls {
			r.offer(items[:n])
		}
		items = items[n:]
	}
	for _, r := range rolls {
		if gathering, ok := r.audience.(Flusher); ok {
			gathering.Flush()
		}
	}
}

// fixed returns copies that keep what the items point to now: somebody who catches up may load it again at a later moment.
func fixed(items []*Item) []*Item {
	block, copies := make([]Item, len(items)), make([]*Item, len(items))
	for i, item := range items {
		block[i].Event, block[i].Epoch = item.Event, item.Epoch
		block[i].loaded.Store(item.loaded.Load())
		copies[i] = &block[i]
	}
	return copies
}

// offer offers a batch to the members, to one after the other, so that each is sent his part at once. Several workers share many members.
func (r roll) offer(batch []*Item) {
	wanted := func(item *Item) bool { return r.audience.Wants(&item.Event) }
	if !slices.ContainsFunc(batch, wanted) {
		return
	}
	items := slices.DeleteFunc(slices.Clone(batch), func(item *Item) bool { return !wanted(item) })
	var next atomic.Int64
	work := func() {
		for {
			end := int(next.Add(share))
			if end-share >= len(r.members) {
				return
			}
			for _, sub := range r.members[end-share : min(end, len(r.members))] {
				sub.offer(items)
			}
		}
	}
	var helpers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(r.members)+share-1)/share) - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
}

// changeAccess lets an event that changes what somebody may see take effect on the members it concerns, before anything after it. Whoever is no member
// yet knows of it since the stream advanced.
func (s *stream) changeAccess(item *Item, rolls []roll) {
	if !changesAccess(&item.Event) {
		return
	}
	for _, r := range rolls {
		for _, sub := range r.members {
			if sub.state.Load() != stateLive || !concerns(&item.Event, sub.actor) {
				continue
			}
			if endsSession(&item.Event, sub.actor) {
				sub.end(Over)
				continue
			}
			sub.due = item.Seq // catching up begins by reading what the actor may do
			sub.park(max(sub.pos, item.Seq-1))
		}
	}
}
