package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Savepoint implements inbox.Savepoints. A unique key that was raced is tried again, as a whole transaction would be: the next run sees
// what the winner committed. A panic counts as data that cannot be applied.
func (tx *Tx) Savepoint(ctx context.Context, fn func() error) error {
	for run := 1; ; run++ {
		events := len(tx.events)
		if _, err := tx.conn.Exec(ctx, "savepoint part"); err != nil {
			return err
		}
		failed := guarded(func() error {
			if err := fn(); err != nil {
				return err
			}
			return tx.conn.flush(ctx)
		})
		if failed == nil {
			_, err := tx.conn.Exec(ctx, "release savepoint part")
			return err
		}
		if !spoilsOnlyItself(failed) {
			return failed
		}
		tx.conn.drop()
		if _, err := tx.conn.Exec(ctx, "rollback to savepoint part; release savepoint part"); err != nil {
			return errors.Join(failed, err)
		}
		tx.events = tx.events[:events]
		var pg *pgconn.PgError
		if errors.As(failed, &pg) && pg.Code == "23505" && run < runsWorth(failed) {
			continue
		}
		return mapError(failed)
	}
}

// spoilsOnlyItself reports whether the data is at fault: a value that Postgres or the domain refuses.
func spoilsOnlyItself(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code[:2] == "22" || pg.Code[:2] == "23"
	}
	return fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict)
}

func guarded(fn func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Wrap(fault.Invalid, fault.Panicked(cause), "applying it failed unexpectedly")
		}
	}()
	return fn()
}
