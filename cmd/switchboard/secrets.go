package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// errUnreadable means that rewrap met values which no key at hand opens.
var errUnreadable = errors.New("some values cannot be opened with the keys at hand; keep the old keys, and look whether a row was moved or changed")

// rewrap seals everything anew under the first key. A key leaves in three steps: put the new one before the old one and restart every
// process; run this; when it reports nothing unreadable, take the old one out.
func rewrap(ctx context.Context, args []string) error {
	if err := parse(flags("secrets rewrap", ""), args); err != nil {
		return err
	}
	return overTenants(ctx, needs{keys: true}, func(o *inbox.Operator, tenants []inbox.TenantID) error {
		resealed, unreadable := 0, 0
		for _, tenant := range tenants {
			done, err := o.Rewrap(ctx, tenant)
			resealed, unreadable = resealed+done.Resealed, unreadable+done.Unreadable
			if done.Unreadable > 0 {
				_, _ = fmt.Fprintf(os.Stderr, "tenant %s: %d unreadable\n", tenant, done.Unreadable)
			}
			if err != nil {
				return fmt.Errorf("after %d values, run it again to go on: %w", resealed, err)
			}
		}
		if err := tell(nil, "sealed anew", fmt.Sprint(resealed), "unreadable", fmt.Sprint(unreadable)); err != nil || unreadable == 0 {
			return err
		}
		return errUnreadable
	})
}
