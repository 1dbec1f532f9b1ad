package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// InsertJournal implements inbox.JournalRows.
func (tx *Tx) InsertJournal(_ context.Context, items []inbox.JournalItem) error {
	if len(items) == 0 {
		return nil
	}
	r := rowsOf(tx.tenant, items)
	fill(r, "id", "uuid", func(i *inbox.JournalItem) uuid.UUID { return i.ID })
	fill(r, "channel_account_id", "uuid", func(i *inbox.JournalItem) uuid.UUID { return i.ChannelAccountID })
	fill(r, "provider", "text", func(i *inbox.JournalItem) string { return i.Provider })
	fill(r, "item_key", "text", func(i *inbox.JournalItem) string { return i.Key })
	fill(r, "kind", "text", func(i *inbox.JournalItem) string { return string(i.Kind) })
	fillBytes(r, "raw", func(i *inbox.JournalItem) []byte { return i.Raw })
	fill(r, "state", "text", func(i *inbox.JournalItem) string { return string(i.Outcome) })
	fillText(r, "reason", func(i *inbox.JournalItem) string { return i.Reason })
	fill(r, "received_at", "timestamptz", func(i *inbox.JournalItem) time.Time { return i.ReceivedAt })
	r.set("volume", openVolume)
	tx.conn.keep(r.insert("webhook_items"))
	return nil
}

// LockQuarantined implements inbox.JournalRows.
func (tx *Tx) LockQuarantined(ctx context.Context, most int, before time.Time) ([]inbox.JournalItem, error) {
	rows, err := tx.q.LockQuarantined(ctx, tx.tenant, &before, int32(most))
	return column(rows, func(r gen.WebhookItem) inbox.JournalItem {
		return inbox.JournalItem{
			ID: r.ID, ChannelAccountID: r.ChannelAccountID, Provider: r.Provider, Key: r.ItemKey, Kind: inbox.ItemKind(r.Kind), Raw: r.Raw,
			Outcome: inbox.Outcome(r.State), Reason: value(r.Reason), ReceivedAt: r.ReceivedAt.UTC(), ReplayedAt: utc(r.ReplayedAt),
		}
	}), err
}

// SettleJournal implements inbox.JournalRows.
func (tx *Tx) SettleJournal(ctx context.Context, items []inbox.JournalItem, now time.Time) error {
	if len(items) == 0 {
		return nil
	}
	return tx.q.SettleWebhookItems(ctx, gen.SettleWebhookItemsParams{
		TenantID: tx.tenant, ReplayedAt: now,
		Ids:       column(items, func(i inbox.JournalItem) uuid.UUID { return i.ID }),
		States:    column(items, func(i inbox.JournalItem) string { return string(i.Outcome) }),
		Reasons:   column(items, func(i inbox.JournalItem) string { return i.Reason }),
		ItemKinds: column(items, func(i inbox.JournalItem) string { return string(i.Kind) }),
		ItemKeys:  column(items, func(i inbox.JournalItem) string { return i.Key }),
	})
}

// Ledger implements inbox.JournalRows.
func (tx *Tx) Ledger(ctx context.Context, since, until time.Time) ([]inbox.LedgerLine, error) {
	rows, err := tx.q.Ledger(ctx, tx.tenant, since, until)
	return column(rows, func(r gen.LedgerRow) inbox.LedgerLine {
		return inbox.LedgerLine{
			ChannelAccountID: r.ChannelAccountID, Hour: r.Hour.UTC(), Received: r.Received, Applied: r.Applied, Duplicate: r.Duplicate,
			Quarantined: r.Quarantined, Missing: r.Missing,
		}
	}), err
}
