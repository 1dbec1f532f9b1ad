package db

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// lockWait is a lock that a migration waited for, and whoever was in its way, in words.
type lockWait struct {
	lock, holders string
}

// lockWasBusy tells whether a migration failed only because others hold what it needs: a lock was not free in time, or both waited for each other.
func lockWasBusy(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// lockedError says which lock was not free, who holds it and what helps.
func lockedError(err error, waited lockWait, after time.Duration) error {
	return fmt.Errorf("migrate: %s needs %s, which was not free for %s: it is held by %s; wait until that has ended, or end it with "+
		"SELECT pg_terminate_backend(process), and migrate again, which goes on from here: %w",
		failedMigration(err), waited.lock, after.Round(time.Second), waited.holders, redact(err))
}

// watchLocks looks from a connection of its own what the process waits for, since the error of a lock that was not free does not say which it was.
// It returns a function that ends this and returns what was seen last. A look that fails sees nothing: it is only for the words of an error.
func watchLocks(ctx context.Context, config *pgx.ConnConfig, process *atomic.Uint32, every time.Duration) (stop func() lockWait) {
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan lockWait, 1)
	go func() {
		w := lockWatch{config: config}
		var last lockWait
		for tick := time.NewTicker(every); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				w.close(context.WithoutCancel(ctx))
				seen <- last
				return
			case <-tick.C:
			}
			if now, err := w.look(ctx, process.Load()); err == nil {
				last = now
			}
		}
	}()
	return func() lockWait {
		cancel()
		return <-seen
	}
}

// lockWatch looks at what others wait for, from a connection that it opens when it has none.
type lockWatch struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
}

// lookAtLocks names what a process waits for, and everybody in its way. The wait may be over, or who was in its way may be gone, before the second
// question is answered: then there is no row, since nobody is to blame. Zero is how pg_blocking_pids names a prepared transaction.
const lookAtLocks = `SELECT format('%s on %s', l.mode, coalesce(l.relation::regclass::text, l.locktype)), h.holders
	FROM pg_locks l CROSS JOIN LATERAL (
	  SELECT string_agg(CASE b.pid WHEN 0 THEN 'a prepared transaction' ELSE format('process %s (%s)', a.pid, concat_ws(', ', a.usename,
	    nullif(a.application_name, ''), 'in a transaction for ' || date_trunc('second', clock_timestamp() - a.xact_start))) END, ' and ') AS holders
	  FROM (SELECT DISTINCT unnest(pg_blocking_pids(l.pid)) AS pid) b LEFT JOIN pg_stat_activity a USING (pid)
	  WHERE b.pid = 0 OR a.pid IS NOT NULL) h
	WHERE l.pid = $1 AND NOT l.granted AND h.holders IS NOT NULL LIMIT 1`

// look returns what the process waits for now, or an error if it waits for nothing. It never panics: the migration beside it must go on.
func (l *lockWatch) look(ctx context.Context, process uint32) (w lockWait, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			l.close(ctx)
			err = fault.Panicked(cause)
		}
	}()
	if l.conn == nil || l.conn.IsClosed() {
		if l.conn, err = pgx.ConnectConfig(ctx, l.config); err != nil {
			return w, err
		}
	}
	err = l.conn.QueryRow(ctx, lookAtLocks, int64(process)).Scan(&w.lock, &w.holders)
	return w, err
}

func (l *lockWatch) close(ctx context.Context) {
	if l.conn != nil {
		_ = l.conn.Close(ctx)
	}
}
