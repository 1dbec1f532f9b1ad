package db

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/migrations"
)

// Migrate brings the database at ownerURL to the newest schema. It may run in many processes at once: one migrates, the others wait.
// It returns an error that names the migration which failed; everything before it is kept.
func Migrate(ctx context.Context, ownerURL string) error {
	return migrate(ctx, ownerURL, migrations.Files)
}

func migrate(ctx context.Context, ownerURL string, files fs.FS) error {
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("open database to migrate: %w", redact(err))
	}
	config.Tracer = tracer{sent: func(string) { _ = faultpoint.Point("mig.each_statement") }}
	conn := stdlib.OpenDB(*config)
	defer func() { _ = conn.Close() }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", redact(err))
	}
	return nil
}
