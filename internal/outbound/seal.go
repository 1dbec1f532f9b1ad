package outbound

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// sealOverlap allows for rows that were written a little after their time, and for clocks that differ.
const sealOverlap = time.Hour

// Seal is one link of the hash chain over a tenant's audit log.
type Seal struct {
	No      int64
	AuditID uuid.UUID
	Hash    []byte
}

// AuditRow is one stored line of the audit log.
type AuditRow struct {
	ID            uuid.UUID `json:"id"`
	At            time.Time `json:"at"`
	ActorKind     string    `json:"actorKind"`
	ActorID       string    `json:"actorId"`
	Action        string    `json:"action"`
	SubjectKind   string    `json:"subjectKind"`
	SubjectID     string    `json:"subjectId"`
	Details       string    `json:"details"` // as Postgres writes its jsonb
	CorrelationID string    `json:"correlationId"`
}

// SealRows are the audit log's seals.
type SealRows interface {
	// LastSeal returns the end of the chain and the time of the row it covers; ok is false when there is none.
	LastSeal(ctx context.Context) (seal Seal, at time.Time, ok bool, err error)
	// UnsealedAudit returns rows since the time that no seal covers, oldest first.
	UnsealedAudit(ctx context.Context, since time.Time, most int) ([]AuditRow, error)
	// InsertSeals appends to the chain. A number that is taken by now is a raced unique key: the transaction runs again.
	InsertSeals(ctx context.Context, seals []Seal) error
}

// SealHash returns the hash of the next link: SHA-256 over the hash before and the row in JSON.
func SealHash(before []byte, row AuditRow) ([]byte, error) {
	row.At = row.At.UTC()
	encoded, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write(before)
	h.Write(encoded)
	return h.Sum(nil), nil
}

// SealAudit extends the tenant's chain over the rows that are not sealed yet, at most 1,000, and returns how many it sealed.
func (o *Outbound) SealAudit(ctx context.Context, tenant inbox.TenantID) (int, error) {
	const most = 1000
	sealed := 0
	err := o.store.InTenant(ctx, tenant, func(tx Tx) error {
		last, at, ok, err := tx.LastSeal(ctx)
		if err != nil {
			return err
		}
		since := time.Time{}
		if ok {
			since = at.Add(-sealOverlap)
		}
		rows, err := tx.UnsealedAudit(ctx, since, most)
		if err != nil || len(rows) == 0 {
			return err
		}
		seals := make([]Seal, len(rows))
		for i, row := range rows {
			hash, err := SealHash(last.Hash, row)
			if err != nil {
				return err
			}
			last = Seal{No: last.No + 1, AuditID: row.ID, Hash: hash}
			seals[i] = last
		}
		sealed = len(seals)
		return tx.InsertSeals(ctx, seals)
	})
	return sealed, err
}
