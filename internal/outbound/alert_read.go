package outbound

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// AlertsOf returns alerts by id to a supervisor or admin, in no particular order; missing ones are absent. It returns Forbidden to
// anybody else.
func (o *Outbound) AlertsOf(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) (alerts []Alert, err error) {
	if !actor.Supervises() {
		return nil, fault.New(fault.Forbidden, "alerts are for supervisors and admins")
	}
	err = o.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		alerts, err = tx.AlertsByIDs(ctx, ids)
		return err
	})
	return alerts, err
}
