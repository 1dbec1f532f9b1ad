package db

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// CheckSchema returns nil when the database has every migration that this binary needs, otherwise an Unavailable error that names the remedy. A
// schema that is newer is fine: migrations are written so that the binary before them still works.
func (d *DB) CheckSchema(ctx context.Context) error {
	var has int64
	err := d.probe.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&has)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "42501" || refused.Code == "42P01") {
		err = nil // from before the number could be read, or never migrated
	}
	if err != nil {
		return mapError(err)
	}
	if needs := newestMigration(); has < needs {
		return fault.New(fault.Unavailable,
			"the database's schema is older than this program, which needs migration %d: run `switchboard migrate`", needs)
	}
	return nil
}

// newestMigration returns the number of the schema that this binary needs.
func newestMigration() (newest int64) {
	entries, _ := migrations.Files.ReadDir(".") // cannot fail: the files are in the binary
	for _, entry := range entries {
		number, _, _ := strings.Cut(entry.Name(), "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}
