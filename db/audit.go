package db

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Audit implements inbox.Recorder.
func (tx *Tx) Audit(ctx context.Context, entries ...inbox.AuditEntry) error {
	rows := make([]gen.InsertAuditParams, len(entries))
	for i, e := range entries {
		details, err := json.Marshal(e.Details)
		if err != nil {
			return err
		}
		if e.Details == nil {
			details = []byte("{}")
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		rows[i] = gen.InsertAuditParams{
			TenantID: tx.tenant, ID: id, At: e.At, ActorKind: string(e.ActorKind), ActorID: e.ActorID, Action: e.Action,
			SubjectKind: e.SubjectKind, SubjectID: e.SubjectID, Details: details, CorrelationID: text(e.CorrelationID),
		}
	}
	results := tx.late.InsertAudit(ctx, rows)
	var failed error
	results.Exec(func(_ int, err error) {
		if err != nil && failed == nil {
			failed = err
		}
	})
	return failed
}

// text returns nil for an empty string, as a nullable column wants it.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// value returns the pointed-to value, or the zero value for nil.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
