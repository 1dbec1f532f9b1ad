package db

import (
	"context"
	"fmt"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// SealedValues implements inbox.OperatorTx.
func (tx *Tx) SealedValues(ctx context.Context, notUnder string, after inbox.SealedValue, most int) ([]inbox.SealedValue, error) {
	rows, err := tx.q.SealedValues(ctx, gen.SealedValuesParams{
		TenantID: tx.tenant, AfterPlace: string(after.Table), AfterRow: after.Row, Key: notUnder, Most: int32(most),
	})
	return column(rows, func(r gen.SealedValuesRow) inbox.SealedValue {
		return inbox.SealedValue{Table: inbox.SealedTable(r.Place), Row: r.RowID, Sealed: r.Sealed}
	}), err
}

// ReplaceSealed implements inbox.OperatorTx.
func (tx *Tx) ReplaceSealed(ctx context.Context, was inbox.SealedValue, sealed []byte) (bool, error) {
	replace := map[inbox.SealedTable]func() (int64, error){
		inbox.SealedCredentials:  func() (int64, error) { return tx.q.ReplaceCredentials(ctx, sealed, tx.tenant, was.Row, was.Sealed) },
		inbox.SealedSuccessors:   func() (int64, error) { return tx.q.ReplaceSuccessor(ctx, sealed, tx.tenant, was.Row, was.Sealed) },
		inbox.SealedAlertSecrets: func() (int64, error) { return tx.q.ReplaceAlertSecret(ctx, sealed, tx.tenant, was.Row, was.Sealed) },
	}[was.Table]
	if replace == nil {
		return false, fmt.Errorf("db: no sealed value stands in %q", was.Table)
	}
	n, err := replace()
	return n == 1, err
}
