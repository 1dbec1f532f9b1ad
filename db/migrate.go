package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// patience says how a migration waits for locks that somebody holds. Whoever comes after it to the same table waits behind it, so it stands in the
// queue for a moment only, lets everybody pass, and comes again.
type patience struct {
	lock  time.Duration // in the queue of one lock
	pause time.Duration // before it comes again
	whole time.Duration // until it is given up
}

// Migrate brings the database at ownerURL to the newest schema. It may run in many processes at once: one migrates, the others wait. A lock that is not
// free is told to log and tried again for five minutes. It returns an error that names the migration which failed, and the lock and its holder if
// that was the reason; everything before it is kept.
func Migrate(ctx context.Context, ownerURL string, log *slog.Logger) error {
	waits := patience{lock: 2 * time.Second, pause: 8 * time.Second, whole: 5 * time.Minute}
	return migrate(ctx, ownerURL, migrations.Files, waits, log)
}

func migrate(ctx context.Context, ownerURL string, files fs.FS, waits patience, log *slog.Logger) error {
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("open database to migrate: %w", redact(err))
	}
	waited := lockWait{lock: "a lock", holders: "an open transaction"} // until somebody has looked
	for began := time.Now(); ; {
		seen, err := tryMigrate(ctx, config, hurried{files, waits.lock}, waits)
		if seen.lock != "" { // a try that nobody looked at in time has nothing to tell; the one before it has
			waited = seen
		}
		if err == nil || !lockWasBusy(err) {
			return err
		}
		if time.Since(began)+waits.pause > waits.whole {
			return lockedError(err, waited, time.Since(began))
		}
		log.WarnContext(ctx, "a migration waits for a lock", "migration", failedMigration(err), "lock", waited.lock, "held_by", waited.holders)
		select {
		case <-ctx.Done():
			return fmt.Errorf("migrate: %w", ctx.Err())
		case <-time.After(waits.pause):
		}
	}
}

// tryMigrate runs what is missing until something fails, and returns the last lock that it was seen waiting for. A migration that is no transaction
// builds or drops indexes beside those who write: nobody waits behind it, and to begin again would be a loss, so it waits as long as it may.
func tryMigrate(ctx context.Context, config *pgx.ConnConfig, files fs.FS, waits patience) (waited lockWait, err error) {
	own := config.Copy()
	own.Tracer = tracer{sent: func(string) { _ = faultpoint.Point("mig.each_statement") }}
	var process atomic.Uint32
	conn := stdlib.OpenDB(*own, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		process.Store(c.PgConn().PID())
		_, err := c.Exec(ctx, fmt.Sprintf("SET lock_timeout = %d", waits.whole.Milliseconds()))
		return err
	}))
	defer func() { _ = conn.Close() }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return waited, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithSessionLocker(locker))
	if err != nil {
		return waited, fmt.Errorf("read migrations: %w", err)
	}
	stop := watchLocks(ctx, config, &process, waits.lock/4)
	_, err = provider.Up(ctx)
	waited = stop()
	if err != nil && !lockWasBusy(err) {
		err = fmt.Errorf("migrate: %w", redact(err))
	}
	return waited, err
}

// failedMigration returns the file of the migration that failed.
func failedMigration(err error) string {
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return partial.Failed.Source.Path
	}
	return "the list of migrations"
}
