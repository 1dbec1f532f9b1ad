package main

import (
	"context"
	"fmt"
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
	w := &watchers{bench: b}
	err = w.sockets.gather(watchedTenants*pushSockets, func(i int) (*websocket.Conn, error) {
		return subscribe(b.serve.url, b.token(watchedTenant+i/pushSockets, i%pushSockets+1), listEvents)
	})
	if err != nil {
		return err
	}
	defer w.sockets.leave()
	watched := post(b.serve, "/webhooks/meta", watchedTenant, watchedTenants, 64)
	unwatched := post(quiet, "/webhooks/meta", unwatchedTenant, watchedTenants, 64)
	if err := warm(ctx, watched, unwatched); err != nil { // meanwhile the subscriptions begin
		return err
	}
	if err := (told{crowd: &w.sockets}).settle(ctx); err != nil {
		return err
	}
	what := "webhooks of 10 tenants, 64 connections, with 200 subscribers"
	if err := b.faster(ctx, m, what, "/s", "notifier off, no subscribers", 0.9, w.hear(watched), unwatched); err != nil {
		return err
	}
	each := median(w.each)
	b.add(row{ID: m.id, What: "frames that a webhook leads to", Ours: each, Ratio: each, Goal: "none", OK: true})
	return nil
}

// watchedTenants is how many tenants are watched, each by pushSockets.
const watchedTenants = 10

// watchers are the subscribers of the watched tenants.
type watchers struct {
	*bench
	sockets crowd
	each    []float64 // frames that a webhook of each stretch led to
}

// hear is the side whose every event must reach every subscriber before the next stretch: one who is refused or falls behind costs nothing.
func (w *watchers) hear(watched side) side {
	return func(ctx context.Context) (sample, error) {
		had := w.sockets.frames.Load()
		first, err := w.numbered(ctx)
		if err != nil {
			return sample{}, err
		}
		s, err := watched(ctx)
		if err != nil {
			return s, err
		}
		last, err := w.numbered(ctx)
		if err != nil {
			return s, err
		}
		if err := w.sockets.await(ctx, had+(last-first)*pushSockets, 30*time.Second); err != nil {
			return s, err
		}
		frames, ended := w.sockets.frames.Load()-had, w.sockets.ended.Load()
		if frames < int64(s.calls*pushSockets) || ended > 0 {
			return s, fmt.Errorf("%d webhooks led to %d events and %d frames; %d sockets are closed", s.calls, last-first, frames, ended)
		}
		w.each = append(w.each, float64(frames)/float64(s.calls))
		return s, nil
	}
}

// numbered returns how many events the watched tenants have.
func (w *watchers) numbered(ctx context.Context) (events int64, err error) {
	err = w.pool.QueryRow(ctx, `SELECT sum(seq)::bigint FROM tenant_heads WHERE tenant_id BETWEEN $1 AND $2`, tenantID(watchedTenant),
		tenantID(watchedTenant+watchedTenants-1)).Scan(&events)
	return events, err
}
