package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/secret"
	"github.com/switchboard-inbox/switchboard/migrations"
)

var (
	//go:embed load.sql
	loadSQL string
	//go:embed queue.sql
	queueSQL string
)

// dataset is data that are loaded once for every schema and copied for every run.
type dataset struct {
	name    string // of the copy; the loaded databases have it as their prefix
	what    string
	sql     string
	tenants int
}

func mainData() dataset {
	return dataset{name: "run", what: "1,000 tenants with 1.4 million messages", sql: loadSQL, tenants: 1000}
}

func queueData() dataset {
	return dataset{name: "queue", what: "a queue of 1 million messages", sql: queueSQL, tenants: 100}
}

// copyOf makes the database that is measured, from one that is loaded unless there is one of this schema and these data.
func (p *place) copyOf(ctx context.Context, d dataset) error {
	conn, err := pgx.Connect(ctx, p.postgres.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	loaded, err := d.loadedName()
	if err != nil {
		return err
	}
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, loaded).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := p.load(ctx, conn, d, loaded); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + d.name + ` WITH (FORCE)`, `CREATE DATABASE ` + d.name + ` TEMPLATE ` + loaded + ` STRATEGY file_copy`, `CHECKPOINT`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// loadedName names the loaded database by what it was made from.
func (d dataset) loadedName() (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, d.sql)
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.Files, path)
		_, _ = sum.Write(text)
		return err
	})
	return d.name + "_" + hex.EncodeToString(sum.Sum(nil)[:6]), err
}

// load makes the database under another name and renames it at the end.
func (p *place) load(ctx context.Context, conn *pgx.Conn, d dataset, name string) error {
	fmt.Fprintln(os.Stderr, "loading "+d.what+"; this is kept for the next run")
	if err := prune(ctx, conn, d); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE loading`); err != nil {
		return err
	}
	if err := db.Migrate(ctx, p.postgres.URL("loading"), slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if err := p.fill(ctx, d); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `ALTER DATABASE loading RENAME TO `+name)
	return err
}

// prune keeps the newest of the loaded databases, which is of the schema before this one or of another branch, and drops the others.
func prune(ctx context.Context, conn *pgx.Conn, d dataset) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname IN ('loading', $1) OR datname LIKE 'loaded\_%' UNION ALL
		(SELECT datname FROM pg_database WHERE datname LIKE $1 || '\_%' ORDER BY oid DESC OFFSET 1)`, d.name)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := conn.Exec(ctx, `DROP DATABASE `+n+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) fill(ctx context.Context, d dataset) error {
	conn, err := pgx.Connect(ctx, p.postgres.URL("loading"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, d.sql); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := addAccounts(ctx, conn, d.tenants); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `VACUUM (ANALYZE)`)
	return err
}

// addAccounts makes two accounts a tenant: their credentials are sealed, which SQL cannot do. All but one tenant's may send as fast as they can.
func addAccounts(ctx context.Context, conn *pgx.Conn, tenants int) error {
	ring, err := secret.ParseKeyring(key())
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for t := 1; t <= tenants; t++ {
		rate := 1_000_000
		if t == limitedTenant {
			rate = limitedRate
		}
		for which := range 2 {
			tenant, account := tenantID(t), accountID(t, which)
			sealed := ring.Seal([]byte(`{"accessToken":"bench","appSecret":"`+appSecret+`","verifyToken":"bench"}`),
				inbox.CredentialsPlace(inbox.TenantOf(tenant), account))
			batch.Queue(`INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, settings, credentials_sealed, endpoint_id,
				created_at) VALUES ($1, $2, 'WHATSAPP', 'meta', $3, 'Number', $4, $5, $6, now())`,
				tenant, account, ref(t, which), fmt.Sprintf(`{"messagesPerSecond":%d}`, rate), sealed, "bench-"+ref(t, which))
		}
	}
	return conn.SendBatch(ctx, batch).Close()
}
