package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// replayMost is how many items one transaction replays.
const replayMost = 100

// Replayed counts what a replay did.
type Replayed struct {
	Applied     int // have their effect now
	Duplicate   int // had it already
	Quarantined int // still cannot be applied; their reason is up to date
}

// ReplayQuarantined reads at most limit quarantined items of the tenant again, oldest first, and applies those that can be by now. Each
// stands alone; what still fails stays where it is. It returns what it did so far with the error that stopped it.
func (in *Ingest) ReplayQuarantined(ctx context.Context, tenant TenantID, providers *channel.Registry, limit int) (Replayed, error) {
	var sum Replayed
	began := in.now()
	for left := limit; left > 0; {
		done, err := in.replay(ctx, tenant, providers, min(left, replayMost), began)
		if err != nil {
			return sum, err
		}
		n := done.Applied + done.Duplicate + done.Quarantined
		if n == 0 {
			break
		}
		left -= n
		sum.Applied += done.Applied
		sum.Duplicate += done.Duplicate
		sum.Quarantined += done.Quarantined
	}
	return sum, nil
}

// replay replays some items that were not touched since the replay began.
func (in *Ingest) replay(ctx context.Context, tenant TenantID, providers *channel.Registry, most int, began time.Time) (Replayed, error) {
	var sum Replayed
	var after aftermath
	err := in.store.InTenant(ctx, tenant, func(tx Tx) error {
		stored, err := tx.LockQuarantined(ctx, most, began)
		if err != nil || len(stored) == 0 {
			sum = Replayed{}
			return err
		}
		arrivals, err := in.reread(ctx, tenant, providers, stored)
		if err != nil {
			return err
		}
		b := newBatch(in, tx, tenant, arrivals)
		if err := b.run(ctx, oneByOne); err != nil {
			return err
		}
		// The first arrival of each stored item has its id and settles its line; what else the item held gets lines of its own.
		lines := b.journal()
		sum, after = b.sum(len(stored)), b.after
		if err := tx.SettleJournal(ctx, lines[:len(stored)], laterOf(b.now, began)); err != nil {
			return err
		}
		return tx.InsertJournal(ctx, lines[len(stored):])
	})
	if err == nil {
		in.finish(ctx, tenant, after)
	}
	return sum, err
}

// reread reads stored items again: first one arrival for each of them, in their order, then whatever else they hold.
func (in *Ingest) reread(ctx context.Context, tenant TenantID, providers *channel.Registry, stored []JournalItem) ([]arrival, error) {
	arrivals := make([]arrival, len(stored))
	var more []arrival
	for i, line := range stored {
		for n, item := range again(providers, line) {
			a := arrival{id: line.ID, account: line.ChannelAccountID, provider: line.Provider, at: line.ReceivedAt, item: item}
			if n == 0 {
				arrivals[i] = a
				continue
			}
			id, err := uuid.NewV7()
			if err != nil {
				return nil, err
			}
			a.id = id
			more = append(more, a)
		}
	}
	arrivals = append(arrivals, more...)
	return arrivals, in.reroute(ctx, tenant, arrivals)
}

// again returns what a stored item stands for by now, at least one item; the first has the stored bytes.
func again(providers *channel.Registry, line JournalItem) []channel.Item {
	items := []channel.Item{{Reason: "its provider cannot read it again"}}
	if provider, err := providers.Provider(line.Provider); err == nil {
		if rereader, ok := provider.(channel.Rereader); ok {
			if found := rereader.Reread(line.Raw); len(found) > 0 {
				items = found
			}
		}
	}
	items[0].Raw = line.Raw
	if items[0].Key == "" {
		items[0].Key = line.Key
	}
	return items
}

// reroute gives every arrival the account that its content names. One that names an account of somebody else stays in quarantine.
func (in *Ingest) reroute(ctx context.Context, tenant TenantID, arrivals []arrival) error {
	byProvider := map[string][]string{}
	for _, a := range arrivals {
		if a.item.AccountRef != "" {
			byProvider[a.provider] = append(byProvider[a.provider], a.item.AccountRef)
		}
	}
	routes := map[string]map[string]Route{}
	for provider, refs := range byProvider {
		found, err := in.directory.AccountsByRef(ctx, provider, distinct(refs))
		if err != nil {
			return err
		}
		routes[provider] = found
	}
	for i := range arrivals {
		a := &arrivals[i]
		if a.item.AccountRef == "" {
			continue
		}
		if route, ok := routes[a.provider][a.item.AccountRef]; ok && route.Tenant == tenant {
			a.account = route.Account
			continue
		}
		a.item.Event, a.item.Reason = nil, "it names an account that is not this tenant's, or is disabled"
	}
	return nil
}

// sum counts what became of the first arrivals.
func (b *batch) sum(most int) Replayed {
	var sum Replayed
	for _, v := range b.verdicts[:most] {
		switch v.outcome {
		case Applied:
			sum.Applied++
		case Duplicate:
			sum.Duplicate++
		default:
			sum.Quarantined++
		}
	}
	return sum
}

// laterOf keeps a replay from meeting the same item twice when the clock steps back.
func laterOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
