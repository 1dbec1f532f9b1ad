package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ShiftClock moves the database's clock, app.now(), to the given distance from the real time, for all its processes. Only a demonstration
// that fills its own database with a past does that; it returns an error when the URL is not the owner's.
func ShiftClock(ctx context.Context, ownerURL string, by time.Duration) error {
	return asOwner(ctx, ownerURL, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "UPDATE app.clock SET shift = $1", by)
		return err
	})
}

// ClockShift returns how far the database's clock is from the real time.
func ClockShift(ctx context.Context, ownerURL string) (by time.Duration, err error) {
	err = asOwner(ctx, ownerURL, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT shift FROM app.clock").Scan(&by)
	})
	return by, err
}

func asOwner(ctx context.Context, ownerURL string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("open database as its owner: %w", redact(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return mapError(do(conn))
}
