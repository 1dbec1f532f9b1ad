package db

import (
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// receiptLocks is how many locks the external ids of a tenant share. The locks of all transactions of a cluster stand in one table, which by default has
// room for 64 of each connection, and whoever comes when it is full is refused.
const receiptLocks = 128

// LockReceipts implements outbound.FactRows.
func (tx *Tx) LockReceipts(ctx context.Context, refs []outbound.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	keys := column(refs, func(r outbound.Ref) int64 {
		h := fnv.New64a()
		_, _ = h.Write(r.ChannelAccountID[:])
		_, _ = h.Write([]byte(r.ExternalID))
		place := h.Sum64() % receiptLocks
		h.Reset()
		_, _ = h.Write(append(tx.tenant[:], byte(place)))
		return int64(h.Sum64())
	})
	slices.Sort(keys)
	return tx.late.LockReceipts(ctx, slices.Compact(keys))
}

// HoldConversations implements outbound.FactRows.
func (tx *Tx) HoldConversations(ctx context.Context, ids []uuid.UUID) error {
	return tx.late.HoldConversations(ctx, tx.tenant, ids)
}

// InsertFacts implements outbound.FactRows.
func (tx *Tx) InsertFacts(ctx context.Context, now time.Time, facts []outbound.Fact) ([]outbound.NewFact, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	rows, err := tx.q.InsertFacts(ctx, gen.InsertFactsParams{
		TenantID: tx.tenant, Now: now,
		MessageIds: column(facts, func(f outbound.Fact) uuid.UUID { return f.MessageID }),
		Kinds:      column(facts, func(f outbound.Fact) string { return string(f.Kind) }),
		Ats:        column(facts, func(f outbound.Fact) time.Time { return f.At }),
		Codes:      column(facts, func(f outbound.Fact) string { return f.Code }),
		Reasons:    column(facts, func(f outbound.Fact) string { return f.Reason }),
	})
	return column(rows, func(r gen.InsertFactsRow) outbound.NewFact {
		return outbound.NewFact{MessageID: r.MessageID, Kind: outbound.FactKind(r.Kind), First: r.Inserted}
	}), err
}

// FactsByMessageIDs implements outbound.FactRows.
func (tx *Tx) FactsByMessageIDs(ctx context.Context, messages []uuid.UUID) ([]outbound.Fact, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	rows, err := tx.q.FactsByMessageIDs(ctx, tx.tenant, messages)
	return column(rows, func(r gen.DeliveryFact) outbound.Fact {
		return outbound.Fact{
			MessageID: r.MessageID, Kind: outbound.FactKind(r.Kind), At: r.At.UTC(), Code: value(r.Code), Reason: value(r.Reason),
		}
	}), err
}

// ParkFacts implements outbound.FactRows.
func (tx *Tx) ParkFacts(ctx context.Context, facts []outbound.Parked) ([]outbound.Parked, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	rows, err := tx.q.ParkFacts(ctx, gen.ParkFactsParams{
		TenantID:          tx.tenant,
		ChannelAccountIds: column(facts, func(f outbound.Parked) uuid.UUID { return f.ChannelAccountID }),
		ExternalIds:       column(facts, func(f outbound.Parked) string { return f.ExternalID }),
		Kinds:             column(facts, func(f outbound.Parked) string { return string(f.Kind) }),
		Ats:               column(facts, func(f outbound.Parked) time.Time { return f.At }),
		Codes:             column(facts, func(f outbound.Parked) string { return f.Code }),
		Reasons:           column(facts, func(f outbound.Parked) string { return f.Reason }),
		Classes:           column(facts, func(f outbound.Parked) string { return string(f.Class) }),
	})
	return column(rows, func(r gen.ParkFactsRow) outbound.Parked {
		return outbound.Parked{
			Ref: outbound.Ref{ChannelAccountID: r.ChannelAccountID, ExternalID: r.ExternalID}, Kind: outbound.FactKind(r.Kind),
		}
	}), err
}

// TakeParked implements outbound.FactRows.
func (tx *Tx) TakeParked(ctx context.Context, refs []outbound.Ref) ([]outbound.Parked, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	rows, err := tx.q.TakeParkedFacts(ctx, accounts(refs), externals(refs), tx.tenant)
	return column(rows, parked), err
}

// KnownParked implements outbound.FactRows.
func (tx *Tx) KnownParked(ctx context.Context, most int) ([]outbound.Parked, error) {
	rows, err := tx.q.KnownParkedFacts(ctx, tx.tenant, int32(most))
	return column(rows, parked), err
}

func parked(r gen.ParkedFact) outbound.Parked {
	return outbound.Parked{
		Ref:  outbound.Ref{ChannelAccountID: r.ChannelAccountID, ExternalID: r.ExternalID},
		Kind: outbound.FactKind(r.Kind), At: r.At.UTC(), Code: value(r.Code), Reason: value(r.Reason), Class: channel.Class(value(r.Class)),
	}
}

// DropParked implements outbound.FactRows.
func (tx *Tx) DropParked(ctx context.Context, age time.Duration) (int64, error) {
	return tx.q.DropParkedFacts(ctx, tx.tenant, age)
}

// LockDeliveries implements outbound.FactRows.
func (tx *Tx) LockDeliveries(ctx context.Context, messages []uuid.UUID) ([]outbound.Delivered, error) {
	rows, err := tx.q.LockDeliveries(ctx, tx.tenant, messages)
	return column(rows, func(r gen.LockDeliveriesRow) outbound.Delivered {
		return outbound.Delivered{
			ID: r.ID, Seq: r.Seq, Status: inbox.MessageStatus(r.Status), Kind: channel.Kind(r.Kind), Version: r.Version,
			Conversation: inbox.Conversation{
				ID: r.ConversationID, ContactID: r.ContactID, ChannelAccountID: r.ChannelAccountID, TeamID: r.TeamID,
				AssigneeID: r.AssigneeID, Status: inbox.Status(r.ConversationStatus),
			},
		}
	}), err
}

// AttachExternalIDs implements outbound.FactRows.
func (tx *Tx) AttachExternalIDs(ctx context.Context, ids map[uuid.UUID]string) error {
	if len(ids) == 0 {
		return nil
	}
	messages := slices.Collect(maps.Keys(ids))
	return tx.q.AttachExternalIDs(ctx, tx.tenant, messages, column(messages, func(id uuid.UUID) string { return ids[id] }))
}

// UpdateDeliveries implements outbound.FactRows.
func (tx *Tx) UpdateDeliveries(ctx context.Context, deliveries map[uuid.UUID]outbound.Delivery, externalIDs map[uuid.UUID]string) error {
	if len(deliveries) == 0 {
		return nil
	}
	ids := slices.Collect(maps.Keys(deliveries))
	return tx.late.UpdateDeliveries(ctx, gen.UpdateDeliveriesParams{
		TenantID: tx.tenant, Ids: ids,
		Statuses:      column(ids, func(id uuid.UUID) string { return string(deliveries[id].Status) }),
		FailedCodes:   column(ids, func(id uuid.UUID) string { return deliveries[id].FailedCode }),
		FailedReasons: column(ids, func(id uuid.UUID) string { return deliveries[id].FailedReason }),
		SentAts:       column(ids, func(id uuid.UUID) time.Time { return value(deliveries[id].SentAt) }),
		DeliveredAts:  column(ids, func(id uuid.UUID) time.Time { return value(deliveries[id].DeliveredAt) }),
		ReadAts:       column(ids, func(id uuid.UUID) time.Time { return value(deliveries[id].ReadAt) }),
		ExternalIds:   column(ids, func(id uuid.UUID) string { return externalIDs[id] }),
		FailedAts:     column(ids, func(id uuid.UUID) time.Time { return value(deliveries[id].FailedAt) }),
	})
}

// InvalidateAddresses implements outbound.FactRows.
func (tx *Tx) InvalidateAddresses(ctx context.Context, now time.Time, reasons map[string]string) error {
	if len(reasons) == 0 {
		return nil
	}
	addresses := slices.Sorted(maps.Keys(reasons))
	return tx.q.InvalidateIdentities(ctx, &now, tx.tenant, addresses,
		column(addresses, func(a string) string { return reasons[a] }))
}
