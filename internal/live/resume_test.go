package live_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// R40: what a client receives over any number of reconnects is the event table in order, restricted to what it may see.
func TestResumingClientsMissNothingAndSeeNothingTwice(t *testing.T) {
	t.Parallel()
	const clients, writers, transactions = 50, 8, 160 // of 1 to 7 events: some 5,000
	w := inboxtest.New(t)
	s := newShop(w, "acme")
	slow := live.Config{Stall: deadline}
	processes := []*process{launch(t, w, options{live: slow}), launch(t, w, options{live: slow})}
	beginning := *processes[0].cursor(t, s.ID, 0)
	seed := propertySeed(t)

	writing, written := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	runs := make([]*traveller, clients)
	for i := range runs {
		actor := s.agent
		if i%2 == 0 {
			actor = s.supervisor
		}
		runs[i] = &traveller{actor: actor, cursor: beginning, processes: processes}
		draw := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() { runs[i].travel(t, s, draw, writing.Done()) })
	}
	var write sync.WaitGroup
	for n := range writers {
		draw := rand.New(rand.NewPCG(seed, uint64(clients+n)))
		write.Go(func() { s.write(t, processes[n%2], draw, transactions) })
	}
	write.Wait()
	written()
	wg.Wait()
	for i, r := range runs {
		want := s.visible(t, r.actor)
		if !slices.Equal(r.got, want) {
			t.Fatalf("client %d got %d events over %d connections, want %d; they part at %d",
				i, len(r.got), r.connections, len(want), partAt(r.got, want))
		}
	}
}

// propertySeed returns PROPERTY_SEED, or a new one, and says which.
func propertySeed(t *testing.T) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("PROPERTY_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("PROPERTY_SEED=%d", seed)
	return seed
}

// write commits transactions of random size and length that touch both conversations.
func (s *shop) write(t *testing.T, p *process, draw *rand.Rand, transactions int) {
	for range transactions {
		err := p.db.InTenant(t.Context(), s.ID, func(tx inbox.Tx) error {
			for range 1 + draw.IntN(7) {
				if draw.IntN(2) == 0 {
					tx.Record(s.event())
				} else {
					tx.Record(event(s.other, s.theirs))
				}
			}
			select { // the length of a transaction, not a wait for anything
			case <-time.After(time.Duration(draw.IntN(20_000)) * time.Microsecond):
			case <-t.Context().Done():
			}
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// traveller is one client over its many connections.
type traveller struct {
	actor       inbox.Actor
	cursor      string
	processes   []*process
	got         []int64
	connections int
}

// travel connects, is cut at a random moment, and connects again to any process with its last cursor, until the writers are done;
// then once more until it has everything.
func (r *traveller) travel(t *testing.T, s *shop, draw *rand.Rand, written <-chan struct{}) {
	needs := []inbox.Reach{
		{}, {Conversations: true}, {Conversations: true, Beside: inbox.Beside{Contacts: true}},
		{Conversations: true, Beside: inbox.Beside{Accounts: true, Teams: true}}, inbox.WholeReach(),
	}
	for last := false; ; {
		p := draw.IntN(len(r.processes))
		c := newClient(8)
		c.needs = needs[draw.IntN(len(needs))]
		if draw.IntN(3) == 0 {
			c.frozen = true // its reader hangs: the buffer fills, and the cut finds it catching up
		}
		stop, err := r.processes[p].hub.Subscribe(t.Context(), live.Request{
			Actor: r.actor, Audience: &modest{needs: c.needs}, After: &r.cursor, Taker: c})
		if err != nil {
			t.Error(err)
			return
		}
		if last {
			c.mu.Lock()
			c.frozen = false
			c.mu.Unlock()
			r.finish(t, s, c)
			stop()
			r.keep(c)
			return
		}
		select {
		case <-time.After(time.Duration(draw.IntN(60_000)) * time.Microsecond): // the life of the connection
		case <-written:
			last = true
		}
		stop()
		r.keep(c)
	}
}

// finish waits until the client has as many events as it may see.
func (r *traveller) finish(t *testing.T, s *shop, c *client) {
	want := len(s.visible(t, r.actor))
	c.await(t, "the last connection", func() bool { return len(r.got)+len(c.got) >= want })
}

// keep takes over what the connection brought. What a Take brings while stop runs counts: the client has it.
func (r *traveller) keep(c *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.connections++
	r.got = append(r.got, c.got...)
	if c.cursor != "" {
		r.cursor = c.cursor
	}
	c.got = nil
}

// visible returns the numbers of the events that the actor may see, from the table.
func (s *shop) visible(t *testing.T, actor inbox.Actor) []int64 {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), s.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(context.Background(),
		"SELECT seq FROM events WHERE tenant_id = $1 AND ($2 OR channel_account_id = $3) ORDER BY seq",
		s.ID.UUID(), actor.Supervises(), s.mine)
	if err != nil {
		t.Fatal(err)
	}
	seqs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}

func partAt(a, b []int64) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
