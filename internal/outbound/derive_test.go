package outbound_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

func kinds() []outbound.FactKind {
	return []outbound.FactKind{
		outbound.FactPresumedFailed, outbound.FactSent, outbound.FactFailed, outbound.FactDelivered, outbound.FactRead,
	}
}

// R23, R24: whatever the order and repetition of facts, the result is the same, and every further fact keeps the rank or raises it.
func TestDeriveStatusKnowsNoOrder(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fact := rapid.Custom(func(t *rapid.T) outbound.Fact {
		return outbound.Fact{
			Kind: rapid.SampledFrom(kinds()).Draw(t, "kind"),
			At:   start.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")) * time.Second),
			Code: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "code"), Reason: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "reason"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(fact, 0, 6).Draw(t, "facts")
		want := outbound.DeriveStatus(facts)
		shuffled := rapid.Permutation(facts).Draw(t, "order")
		doubled := append(append([]outbound.Fact{}, shuffled...), facts...)
		if got := outbound.DeriveStatus(shuffled); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order: %+v, want %+v", got, want)
		}
		if got := outbound.DeriveStatus(doubled); !reflect.DeepEqual(got, want) {
			t.Fatalf("doubled: %+v, want %+v", got, want)
		}
		for i := range shuffled {
			if outbound.DeriveStatus(shuffled[:i]).Rank > outbound.DeriveStatus(shuffled[:i+1]).Rank {
				t.Fatalf("the rank fell at fact %d of %+v", i, shuffled)
			}
		}
	})
}

// R23: every order of up to six facts, repetitions included, tells the same as any other order of the same facts.
func TestEveryOrderOfFactsTellsTheSame(t *testing.T) {
	t.Parallel()
	const longest = 6
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	told := map[[longest]int]outbound.Delivery{} // by how often each kind is among them
	orders := 0
	var extend func(facts []outbound.Fact, among [longest]int)
	extend = func(facts []outbound.Fact, among [longest]int) {
		orders++
		got := outbound.DeriveStatus(facts)
		if want, known := told[among]; known && !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v tell %+v, in another order %+v", facts, got, want)
		}
		told[among] = got
		if len(facts) == longest {
			return
		}
		for i, kind := range kinds() {
			next := among
			next[i]++
			extend(append(facts[:len(facts):len(facts)], outbound.Fact{Kind: kind, At: start.Add(time.Duration(i) * time.Second), Code: "c"}), next)
		}
	}
	extend(nil, [longest]int{})
	if orders != 19531 { // 5⁰ + … + 5⁶
		t.Errorf("tried %d orders", orders)
	}
}

func TestDeriveStatusRanks(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	fact := func(k outbound.FactKind, s int) outbound.Fact {
		return outbound.Fact{Kind: k, At: at(s), Code: "c", Reason: "r"}
	}
	for name, c := range map[string]struct {
		facts []outbound.Fact
		want  inbox.MessageStatus
	}{
		"nothing":             {nil, inbox.MessageQueued},
		"presumed":            {[]outbound.Fact{fact(outbound.FactPresumedFailed, 1)}, inbox.MessageFailed},
		"presumed, then sent": {[]outbound.Fact{fact(outbound.FactPresumedFailed, 1), fact(outbound.FactSent, 2)}, inbox.MessageSent},
		"failed beats sent":   {[]outbound.Fact{fact(outbound.FactFailed, 1), fact(outbound.FactSent, 2)}, inbox.MessageFailed},
		"delivered beats failed": {
			[]outbound.Fact{fact(outbound.FactDelivered, 1), fact(outbound.FactFailed, 2)}, inbox.MessageDelivered,
		},
	} {
		d := outbound.DeriveStatus(c.facts)
		if d.Status != c.want || (d.FailedAt != nil) != (c.want == inbox.MessageFailed) || (d.FailedCode != "") != (c.want == inbox.MessageFailed) {
			t.Errorf("%s: %+v, want %s", name, d, c.want)
		}
	}
	d := outbound.DeriveStatus([]outbound.Fact{fact(outbound.FactRead, 7)})
	if d.SentAt == nil || d.DeliveredAt == nil || !d.SentAt.Equal(at(7)) || !d.DeliveredAt.Equal(at(7)) {
		t.Errorf("read implies sent and delivered: %+v", d)
	}
}
