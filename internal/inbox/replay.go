package inbox

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// replayMost is how many items one transaction replays.
const replayMost = 100

// Decoder reads stored items again, with what the program has learnt since they were quarantined.
type Decoder interface {
	// Redecode returns the item that the bytes of a journalled one stand for: an Event, or a Reason when it still cannot be read.
	Redecode(provider string, raw []byte) channel.Item
}

// Replayed counts what a replay did.
type Replayed struct {
	Applied     int // have their effect now
	Duplicate   int // had it already
	Quarantined int // still cannot be applied; their reason is up to date
}

// ReplayQuarantined reads at most limit quarantined items of the tenant again, oldest first, and applies those that can be by now. Each
// stands alone; what still fails stays where it is. It returns what it did so far with the error that stopped it.
func (in *Ingest) ReplayQuarantined(ctx context.Context, tenant TenantID, decoder Decoder, limit int) (Replayed, error) {
	var sum Replayed
	began := in.now()
	for left := limit; left > 0; {
		done, err := in.replay(ctx, tenant, decoder, min(left, replayMost), began)
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
func (in *Ingest) replay(ctx context.Context, tenant TenantID, decoder Decoder, most int, began time.Time) (Replayed, error) {
	var b *batch
	err := in.store.InTenant(ctx, tenant, func(tx Tx) error {
		items, err := tx.LockQuarantined(ctx, most, began)
		if err != nil {
			return err
		}
		arrivals := make([]arrival, len(items))
		for i, item := range items {
			arrivals[i] = arrival{id: item.ID, account: item.ChannelAccountID, provider: item.Provider, at: item.ReceivedAt,
				item: reread(decoder, item)}
		}
		b = newBatch(in, tx, tenant, arrivals)
		if err := b.run(ctx, oneByOne); err != nil {
			return err
		}
		return tx.SettleJournal(ctx, b.journal(), laterOf(b.now, began))
	})
	if err != nil {
		return Replayed{}, err
	}
	if in.media != nil && len(b.files) > 0 {
		in.media.FetchSoon(tenant, b.files)
	}
	return b.sum(), nil
}

// reread decodes an item again. One without a key of its own keeps the one it had.
func reread(decoder Decoder, item JournalItem) channel.Item {
	again := decoder.Redecode(item.Provider, item.Raw)
	again.Raw = item.Raw
	if again.Key == "" {
		again.Key = item.Key
	}
	return again
}

func (b *batch) sum() Replayed {
	var sum Replayed
	for _, v := range b.verdicts {
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
