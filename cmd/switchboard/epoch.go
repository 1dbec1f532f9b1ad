package main

import (
	"context"
	"fmt"
	"time"

	"github.com/switchboard-inbox/switchboard/db"
)

// renewEpoch is for a database that lacks commits it once had. What is numbered from now on gets numbers that clients have seen at other
// events, and a cursor from before would continue in the wrong place; a new epoch makes such cursors unknown.
func renewEpoch(ctx context.Context, args []string) error {
	if err := parse(flags("epoch renew", ""), args); err != nil {
		return err
	}
	e, err := readEnvironment(needs{database: true})
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, db.Config{URL: e.DatabaseURL.Reveal(), Log: logger(e)})
	if err != nil {
		return err
	}
	defer store.Close()
	operator, err := newOperator(e, store, nil, time.Now)
	if err != nil {
		return err
	}
	tenants, err := store.Tenants(ctx)
	if err != nil {
		return err
	}
	for i, tenant := range tenants {
		if err := operator.RenewEpoch(ctx, tenant); err != nil {
			return fmt.Errorf("after %d of %d tenants, run it again: %w", i, len(tenants), err)
		}
	}
	return tell(nil, "new epochs", fmt.Sprint(len(tenants)), "clients", "are told to query afresh within seconds")
}
