package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// AccountsByRef implements inbox.Directory.
func (d *DB) AccountsByRef(ctx context.Context, provider string, refs []string) (map[string]inbox.Route, error) {
	rows, err := gen.New(d.pool).AccountsByRef(ctx, provider, refs)
	if err != nil {
		return nil, mapError(err)
	}
	routes := make(map[string]inbox.Route, len(rows))
	for _, r := range rows {
		routes[r.ExternalRef] = inbox.Route{Tenant: inbox.TenantOf(r.TenantID), Account: r.ChannelAccountID}
	}
	return routes, nil
}

// AccountByEndpoint implements inbox.Directory.
func (d *DB) AccountByEndpoint(ctx context.Context, provider, endpoint string) (inbox.Route, bool, error) {
	rows, err := gen.New(d.pool).AccountByEndpoint(ctx, provider, endpoint)
	if err != nil || len(rows) == 0 {
		return inbox.Route{}, false, mapError(err)
	}
	return inbox.Route{Tenant: inbox.TenantOf(rows[0].TenantID), Account: rows[0].ChannelAccountID}, true, nil
}

// KeepUnrouted implements inbox.Directory.
func (d *DB) KeepUnrouted(ctx context.Context, provider string, items []inbox.Unrouted, at time.Time) error {
	return mapError(gen.New(d.pool).InsertUnrouted(ctx, gen.InsertUnroutedParams{
		Provider: provider, ReceivedAt: at,
		Ids:         column(items, func(i inbox.Unrouted) uuid.UUID { return i.ID }),
		AccountRefs: column(items, func(i inbox.Unrouted) string { return i.AccountRef }),
		ItemKeys:    column(items, func(i inbox.Unrouted) string { return i.Key }),
		Raws:        column(items, func(i inbox.Unrouted) []byte { return i.Raw }),
		Reasons:     column(items, func(i inbox.Unrouted) string { return i.Reason }),
	}))
}
