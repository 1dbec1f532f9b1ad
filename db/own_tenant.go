package db

import (
	"context"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// OwnTenant implements inbox.TenantRows.
func (tx *Tx) OwnTenant(ctx context.Context) (inbox.Tenant, error) {
	row, err := tx.q.TenantByID(ctx, tx.tenant)
	return inbox.Tenant{
		ID: inbox.TenantOf(row.TenantID), Slug: row.Slug, Name: row.Name, Suspended: row.Status == "SUSPENDED",
		ReopenWithinDays: int(row.ReopenWithinDays), ReopenKeepsAssignee: row.ReopenKeepsAssignee,
	}, err
}

// Now implements inbox.Clock.
func (tx *Tx) Now(ctx context.Context) (time.Time, error) {
	now, err := tx.q.Now(ctx)
	return now.UTC(), err
}
