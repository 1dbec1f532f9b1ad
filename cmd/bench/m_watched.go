package main

import (
	"context"

	"github.com/gorilla/websocket"
)

// quietSQL makes a pg_notify that does nothing, which a process finds first whose search path says so.
const quietSQL = `CREATE SCHEMA IF NOT EXISTS quiet; GRANT USAGE ON SCHEMA quiet TO PUBLIC;
	CREATE OR REPLACE FUNCTION quiet.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT'`

// measureWatched compares ingest of ten tenants with 20 subscribers each against ingest of ten others through a process that tells nobody: its
// notifications go nowhere, and it has no subscribers. The tenants differ, so that the one side's events are no work for the other's.
func measureWatched(ctx context.Context, b *bench, m measure) error {
	if _, err := b.pool.Exec(ctx, quietSQL); err != nil {
		return err
	}
	quiet, err := b.start(ctx, "serve", "DATABASE_URL="+b.postgres.UserURL("switchboard_app", mainData().name)+
		"&search_path=quiet,pg_catalog,public")
	if err != nil {
		return err
	}
	defer quiet.stop()
	subscribers := &crowd{}
	err = subscribers.gather(200, func(i int) (*websocket.Conn, error) {
		return subscribe(b.serve.url, b.token(watchedTenant+i/20, i%20+1), listEvents)
	})
	if err != nil {
		return err
	}
	defer subscribers.leave()
	watched, unwatched := post(b.serve, "/webhooks/meta", watchedTenant, 10, 64), post(quiet, "/webhooks/meta", unwatchedTenant, 10, 64)
	for _, warm := range []side{watched, unwatched} {
		if _, err := warm(ctx); err != nil {
			return err
		}
	}
	return b.faster(ctx, m, "webhooks of 10 tenants, 64 connections, with 200 subscribers", "/s", "notifier off, no subscribers", 0.9, watched, unwatched)
}
