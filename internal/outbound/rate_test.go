package outbound_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// purse is a Limiter that holds a number of tokens and gets no more.
type purse struct{ tokens atomic.Int64 }

func (p *purse) Reserve(_ context.Context, _ uuid.UUID, _ channel.Rate, n int) (int, time.Duration) {
	granted := min(int64(n), p.tokens.Load())
	p.tokens.Add(-granted)
	return int(granted), time.Minute
}

func (p *purse) Return(_ context.Context, _ uuid.UUID, _ channel.Rate, n int) { p.tokens.Add(int64(n)) }

// limited is a process whose provider has a rate.
func (w *world) limited(tokens *purse) *outbound.Outbound {
	return w.process(func(c *outbound.Config) {
		registry, err := channel.NewRegistry(stub{
			url: w.vendor.server.URL, client: w.vendor.server.Client(), rate: channel.Rate{PerSecond: 1, Burst: 1},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		c.Providers, c.Limiter = registry, tokens
	})
}

// R18: nothing goes without a token, neither at the first look of a drain nor later, and what was not used is given back.
func TestNothingGoesWithoutAToken(t *testing.T) {
	t.Parallel()
	tokens := &purse{}
	w := newWorld(t)
	w.out = w.limited(tokens)
	w.sendMany(5)
	for _, had := range []int{0, 2, 1, 4} {
		before := len(w.vendor.seen())
		tokens.tokens.Store(int64(had))
		w.drain()
		if called := len(w.vendor.seen()) - before; called > had || called+int(tokens.tokens.Load()) != had {
			t.Fatalf("%d calls with %d tokens, of which %d are left", called, had, tokens.tokens.Load())
		}
	}
	w.wantCalls(5)
}
