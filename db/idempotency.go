package db

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TakeKey implements inbox.IdempotencyRows.
func (tx *Tx) TakeKey(ctx context.Context, actor uuid.UUID, key, operation string, hash []byte) (*inbox.KeptCall, error) {
	taken, err := tx.q.TakeKey(ctx, gen.TakeKeyParams{
		TenantID: tx.tenant, ActorID: actor, Key: key, Operation: operation, RequestHash: hash,
	})
	if err != nil || taken == 1 {
		return nil, err
	}
	kept, err := tx.q.KeptCall(ctx, tx.tenant, actor, key)
	if err != nil {
		return nil, err
	}
	return &inbox.KeptCall{Operation: kept.Operation, RequestHash: kept.RequestHash, Result: kept.Result}, nil
}

// KeepResult implements inbox.IdempotencyRows.
func (tx *Tx) KeepResult(ctx context.Context, actor uuid.UUID, key string, result []byte) error {
	return tx.q.KeepResult(ctx, result, tx.tenant, actor, key)
}

// PurgeKeys implements inbox.IdempotencyRows.
func (tx *Tx) PurgeKeys(ctx context.Context, most int) (int64, error) {
	return tx.q.PurgeKeys(ctx, tx.tenant, int32(most))
}
