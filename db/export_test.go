package db

import (
	"context"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Raw runs SQL on the transaction, so that a test can do what no method offers.
func (tx *Tx) raw(ctx context.Context, sql string) error {
	_, err := tx.conn.Exec(ctx, sql)
	return err
}

// RawExec runs SQL on a transaction.
func RawExec(ctx context.Context, tx any, sql string) error { return tx.(*Tx).raw(ctx, sql) }

// EachIdle lends every idle connection of the pool to fn.
func EachIdle(ctx context.Context, d *DB, fn func(*pgx.Conn)) {
	conns := d.pool.AcquireAllIdle(ctx)
	for _, c := range conns {
		fn(c.Conn())
	}
	for _, c := range conns {
		c.Release()
	}
}

// PidOf returns the process that serves a transaction.
func PidOf(ctx context.Context, tx any) (pid uint32, err error) {
	err = tx.(*Tx).conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	return pid, err
}

// Claim is the statement that takes rows of a lane, Settings the one before the first of a transaction, LookAtLocks the one beside a migration.
const (
	Claim       = claim
	Settings    = settings
	LookAtLocks = lookAtLocks
)

// MigrateWith is Migrate with other migrations than ours.
func MigrateWith(ctx context.Context, ownerURL string, files fs.FS) error {
	return MigrateHurried(ctx, ownerURL, files, time.Minute, slog.New(slog.DiscardHandler))
}

// MigrateHurried is MigrateWith, waits for a lock a third of a second at a time, and for the whole as long as it is told.
func MigrateHurried(ctx context.Context, ownerURL string, files fs.FS, whole time.Duration, log *slog.Logger) error {
	return migrate(ctx, ownerURL, files, patience{lock: 330 * time.Millisecond, pause: 100 * time.Millisecond, whole: whole}, log)
}

// WatchLocks is watchLocks for one process, with the lock and its holders as two texts.
func WatchLocks(ctx context.Context, config *pgx.ConnConfig, process uint32) (stop func() (lock, holders string)) {
	var pid atomic.Uint32
	pid.Store(process)
	end := watchLocks(ctx, config, &pid, 10*time.Millisecond)
	return func() (string, string) { w := end(); return w.lock, w.holders }
}

// OpenNoticing is Open, and hands every notice of the server to noticed.
func OpenNoticing(ctx context.Context, cfg Config, noticed func(text string)) (*DB, error) {
	d, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	pc := d.pool.Config()
	pc.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { noticed(n.Message) }
	d.pool.Close()
	d.pool, err = pgxpool.NewWithConfig(ctx, pc)
	return d, err
}
