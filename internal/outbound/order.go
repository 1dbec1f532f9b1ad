package outbound

import (
	"context"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// sweepUncalled calls rows that wait although nothing unfinished stands before them. An older binary that finishes a message does not call the
// next one. To call a row too early does no harm: a claim looks at what stands before it.
func (o *Outbound) sweepUncalled(ctx context.Context) error {
	places, err := o.store.UncalledConversations(ctx, mostTenants)
	if err != nil {
		return err
	}
	return eachTenant(ctx, tenantsOf(places), func(tenant inbox.TenantID) error {
		ids := idsOf(places, tenant)
		return o.store.InTenant(ctx, tenant, func(tx Tx) error {
			if err := tx.HoldConversations(ctx, ids); err != nil {
				return err
			}
			return tx.CallNext(ctx, ids)
		})
	})
}
