package db

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

const keyLife = 24 * time.Hour // how long an idempotency key is promised

// outboundStore is the DB as outbound.Store.
type outboundStore struct{ db *DB }

// Outbound returns the DB as the store of package outbound.
func (d *DB) Outbound() outbound.Store { return outboundStore{db: d} }

// InTenant implements outbound.Store.
func (s outboundStore) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return s.db.inTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

// ReadTenant implements outbound.Store.
func (s outboundStore) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return s.db.readTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

// Join implements outbound.Store: every transaction of this package is a *Tx.
func (s outboundStore) Join(tx inbox.Tx) outbound.Tx { return tx.(*Tx) }

// Alone implements outbound.Sweeps. The lock lives in a transaction of its own and ends with it, whatever happens to this process.
func (s outboundStore) Alone(ctx context.Context, sweep string, fn func(context.Context) error) (ran bool, err error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte("sweep " + sweep))
	err = pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		ran, err = gen.New(tx).TryLock(ctx, int64(h.Sum64()))
		if err != nil || !ran {
			return err
		}
		return fn(ctx)
	})
	return ran, mapError(err)
}

func (s outboundStore) q() *gen.Queries { return gen.New(s.db.pool) }

// DueLanes implements outbound.Sweeps.
func (s outboundStore) DueLanes(ctx context.Context, most int) ([]outbound.Place, error) {
	rows, err := s.q().DueLanes(ctx, int32(most))
	return column(rows, func(r gen.DueLanesRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// UncalledConversations implements outbound.Sweeps.
func (s outboundStore) UncalledConversations(ctx context.Context, most int) ([]outbound.Place, error) {
	rows, err := s.q().UncalledConversations(ctx, int32(most))
	return column(rows, func(r gen.UncalledConversationsRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// LimitedLanes implements outbound.Sweeps.
func (s outboundStore) LimitedLanes(ctx context.Context, patience time.Duration, most int) ([]outbound.Place, error) {
	rows, err := s.q().LimitedLanes(ctx, patience, int32(most))
	return column(rows, func(r gen.LimitedLanesRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// StuckMessages implements outbound.Sweeps.
func (s outboundStore) StuckMessages(ctx context.Context, patience time.Duration, most int) ([]outbound.Place, error) {
	rows, err := s.q().StuckDispatches(ctx, patience, int32(most))
	return column(rows, func(r gen.StuckDispatchesRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// DueSnoozes implements outbound.Sweeps.
func (s outboundStore) DueSnoozes(ctx context.Context, most int) ([]outbound.Place, error) {
	rows, err := s.q().DueSnoozes(ctx, int32(most))
	return column(rows, func(r gen.DueSnoozesRow) outbound.Place {
		p := place(r.TenantID, r.ID)
		p.Gen = r.Gen
		return p
	}), mapError(err)
}

// DueAttachments implements outbound.Sweeps.
func (s outboundStore) DueAttachments(ctx context.Context, most int) ([]outbound.Place, error) {
	rows, err := s.q().DueAttachments(ctx, int32(most))
	return column(rows, func(r gen.DueAttachmentsRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// DueCallbacks implements outbound.Sweeps.
func (s outboundStore) DueCallbacks(ctx context.Context, most int) ([]outbound.Place, error) {
	rows, err := s.q().DueCallbacks(ctx, int32(most))
	return column(rows, func(r gen.DueCallbacksRow) outbound.Place { return place(r.TenantID, r.ID) }), mapError(err)
}

// ParkedTenants implements outbound.Sweeps.
func (s outboundStore) ParkedTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error) {
	ids, err := s.q().ParkedTenants(ctx, after.UUID(), int32(most))
	return column(ids, inbox.TenantOf), mapError(err)
}

// AlertTenants implements outbound.Sweeps.
func (s outboundStore) AlertTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error) {
	ids, err := s.q().AlertTenants(ctx, after.UUID(), int32(most))
	return column(ids, inbox.TenantOf), mapError(err)
}

// UnsealedTenants implements outbound.Sweeps.
func (s outboundStore) UnsealedTenants(ctx context.Context, after inbox.TenantID, most int) ([]inbox.TenantID, error) {
	ids, err := s.q().UnsealedTenants(ctx, after.UUID(), int32(most))
	return column(ids, inbox.TenantOf), mapError(err)
}

// StaleKeyTenants implements outbound.Sweeps.
func (s outboundStore) StaleKeyTenants(ctx context.Context, most int) ([]inbox.TenantID, error) {
	ids, err := s.q().StaleKeyTenants(ctx, keyLife, int32(most))
	return column(ids, inbox.TenantOf), mapError(err)
}

func place(tenant, id uuid.UUID) outbound.Place {
	return outbound.Place{Tenant: inbox.TenantOf(tenant), ID: id}
}

// Tenant implements outbound.Tx.
func (tx *Tx) Tenant() inbox.TenantID { return inbox.TenantOf(tx.tenant) }

// LastSeal implements outbound.SealRows.
func (tx *Tx) LastSeal(ctx context.Context) (outbound.Seal, time.Time, bool, error) {
	r, err := tx.q.LastSeal(ctx, tx.tenant)
	if errors.Is(err, pgx.ErrNoRows) {
		return outbound.Seal{}, time.Time{}, false, nil
	}
	return outbound.Seal{No: r.No, Hash: r.Hash}, r.At.UTC(), err == nil, err
}

// UnsealedAudit implements outbound.SealRows.
func (tx *Tx) UnsealedAudit(ctx context.Context, since time.Time, most int) ([]outbound.AuditRow, error) {
	rows, err := tx.q.UnsealedAudit(ctx, tx.tenant, since, int32(most))
	return column(rows, func(r gen.AuditLog) outbound.AuditRow {
		row := outbound.AuditRow{
			ID: r.ID, At: r.At.UTC(), ActorKind: r.ActorKind, Action: r.Action, SubjectKind: r.SubjectKind, Details: string(r.Details),
			CorrelationID: value(r.CorrelationID),
		}
		if r.ActorID != nil {
			row.ActorID = r.ActorID.String()
		}
		if r.SubjectID != nil {
			row.SubjectID = r.SubjectID.String()
		}
		return row
	}), err
}

// InsertSeals implements outbound.SealRows.
func (tx *Tx) InsertSeals(ctx context.Context, seals []outbound.Seal) error {
	return tx.q.InsertSeals(ctx, tx.tenant, column(seals, func(s outbound.Seal) int64 { return s.No }),
		column(seals, func(s outbound.Seal) uuid.UUID { return s.AuditID }), column(seals, func(s outbound.Seal) []byte { return s.Hash }))
}
