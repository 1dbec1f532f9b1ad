package live_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// memory is a source that makes up events, so that only the fan-out is measured.
type memory struct {
	head   atomic.Int64
	tenant inbox.TenantID
	id     uuid.UUID
}

func (m *memory) Events(_ context.Context, _ inbox.TenantID, after int64, limit int, _ inbox.Want) (inbox.EventPage, error) {
	page := inbox.EventPage{Head: m.head.Load(), Epoch: "ABCDEFGH", Snapshot: &inbox.Snapshot{Reach: inbox.WholeReach()}}
	for seq := after + 1; seq <= page.Head && len(page.Events) < limit; seq++ {
		page.Events = append(page.Events, inbox.Event{Seq: seq, ConversationID: &m.id, ChannelAccountID: &m.id})
	}
	return page, nil
}

func (m *memory) Snapshot(context.Context, inbox.TenantID, []inbox.Event, inbox.Reach) (*inbox.Snapshot, error) {
	return &inbox.Snapshot{Reach: inbox.WholeReach()}, nil
}

func (m *memory) Heads(context.Context, []inbox.TenantID) (map[inbox.TenantID]inbox.Cursor, error) {
	return map[inbox.TenantID]inbox.Cursor{m.tenant: {Epoch: "ABCDEFGH", Seq: m.head.Load()}}, nil
}

func (m *memory) Access(_ context.Context, actor inbox.Actor) (inbox.Actor, error) { return actor, nil }

// tick counts what it takes.
type tick struct{ done *sync.WaitGroup }

func (t *tick) Take(*live.Item, live.View) bool          { t.done.Done(); return true }
func (*tick) Flush()                                     {}
func (*tick) Wait(context.Context) error                 { return nil }
func (*tick) CaughtUp(string)                            {}
func (*tick) Recheck(context.Context, inbox.Actor) error { return nil }
func (*tick) End(live.Reason, string)                    {}

// BenchmarkFanOut measures one change from the wake to the last of many subscribers, without a database and without sockets.
func BenchmarkFanOut(b *testing.B) {
	for _, subscribers := range []int{1, 1000, 5000} {
		b.Run(fmt.Sprint(subscribers), func(b *testing.B) {
			m := &memory{tenant: inbox.TenantOf(inboxtest.NewID()), id: inboxtest.NewID()}
			hub := live.New(live.Config{Source: m})
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { defer close(ended); _ = hub.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			actor := inbox.AgentActor(m.tenant, inboxtest.NewID(), inboxtest.NewID(), inbox.RoleAgent, []uuid.UUID{m.id})
			var done sync.WaitGroup
			audience := &visible{}
			for range subscribers {
				r := live.Request{Actor: actor, Audience: audience, Taker: &tick{&done}}
				if _, err := hub.Subscribe(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				done.Add(subscribers)
				hub.Wake(m.tenant, m.head.Add(1))
				done.Wait()
			}
			b.ReportMetric(float64(subscribers)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
