package main

import (
	"context"
	"fmt"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// renewEpoch is for a database that lacks commits it once had. What is numbered from now on gets numbers that clients have seen at other
// events, and a cursor from before would continue in the wrong place; a new epoch makes such cursors unknown.
func renewEpoch(ctx context.Context, args []string) error {
	if err := parse(flags("epoch renew", ""), args); err != nil {
		return err
	}
	return overTenants(ctx, needs{}, func(o *inbox.Operator, tenants []inbox.TenantID) error {
		for i, tenant := range tenants {
			if err := o.RenewEpoch(ctx, tenant); err != nil {
				return fmt.Errorf("after %d of %d tenants, run it again: %w", i, len(tenants), err)
			}
		}
		return tell(nil, "new epochs", fmt.Sprint(len(tenants)), "clients", "are told to query afresh within seconds")
	})
}
