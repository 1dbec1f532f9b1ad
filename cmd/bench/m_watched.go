package main

import (
	"context"
	"time"

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
	var frames []float64
	counted := func(ctx context.Context) (sample, error) {
		had, at := subscribers.frames.Load(), time.Now()
		s, err := watched(ctx)
		frames = append(frames, float64(subscribers.frames.Load()-had)/time.Since(at).Seconds()/s.figure)
		return s, err
	}
	what := "webhooks of 10 tenants, 64 connections, with 200 subscribers"
	if err := b.faster(ctx, m, what, "/s", "notifier off, no subscribers", 0.9, counted, unwatched); err != nil {
		return err
	}
	told := median(frames)
	b.add(row{ID: m.id, What: "frames that a webhook leads to", Ours: told, Ratio: told, Goal: "none", OK: true})
	return nil
}
