// Package db is the Postgres edge: the only package that knows pgx and SQL. InTenant is the only way to a tenant's tables and the
// only place that begins and commits. It implements the stores that inbox and outbound declare.
//
// Imports: inbox, outbound, auth, channel, fault, faultpoint, migrations, pgx, goose.
package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// appRole is the role that serves tenants: it owns nothing and row security binds it.
const appRole = "switchboard_app"

// Config says how to reach Postgres.
type Config struct {
	URL      string // a pooled connection, through PgBouncer if need be
	MaxConns int32  // 0: 4 per core, at least 16
	Log      *slog.Logger
	// Committed is called after every commit that recorded events, with the tenant and the number of its newest event. It must not
	// block. May be nil.
	Committed func(tenant inbox.TenantID, seq int64)
	// Violated is called when row security refused a statement: a defect of ours, worth an alarm. May be nil.
	Violated func()
	// Statement is called with every statement that is sent, without its values, so that they can be counted. May be nil.
	Statement func(sql string)
}

// DB is a pool of connections that can reach rows of one tenant at a time. It is safe for concurrent use.
type DB struct {
	pool      *pgxpool.Pool
	probe     *pgxpool.Pool // one connection, for Ready: that all others are busy is no reason to be sent no work
	log       *slog.Logger
	committed func(inbox.TenantID, int64)
	violated  func()
}

// Open connects, and refuses a role that row security would not bind: a superuser or owner is switched to switchboard_app, and
// when that is impossible Open returns an error. The caller closes the DB.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL cannot be read: %w", redact(err))
	}
	pc.MaxConns = max(cfg.MaxConns, pc.MaxConns, 16)
	pc.MaxConnIdleTime = 5 * time.Minute
	pc.ConnConfig.RuntimeParams["application_name"] = "switchboard"
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout // a host that swallows everything must not keep us from the next one
	}
	pc.ConnConfig.OnPgError = keepsConnection
	pc.AfterConnect = furnish
	if cfg.Statement != nil {
		pc.ConnConfig.Tracer = tracer{sent: cfg.Statement}
	}
	if err := suitPooler(ctx, pc.ConnConfig, cfg.URL); err != nil {
		return nil, fmt.Errorf("open database: %w", redact(err))
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", redact(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", redact(err))
	}
	one := pc.Copy()
	one.MaxConns, one.MinConns = 1, 0
	probe, err := pgxpool.NewWithConfig(ctx, one)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", redact(err))
	}
	return &DB{pool: pool, probe: probe, log: cfg.Log, committed: cfg.Committed, violated: cfg.Violated}, nil
}

// Close waits for borrowed connections and closes them all.
func (d *DB) Close() {
	d.probe.Close()
	d.pool.Close()
}

// PoolStats returns how many connections are borrowed, how many are open, and how often a borrower had to wait for one.
func (d *DB) PoolStats() (borrowed, open int32, waited int64) {
	stat := d.pool.Stat()
	return stat.AcquiredConns(), stat.TotalConns(), stat.EmptyAcquireCount()
}

// Ready returns nil when Postgres answers and accepts writes, otherwise an Unavailable error.
func (d *DB) Ready(ctx context.Context) error {
	var standby bool
	if err := d.probe.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return mapError(err)
	}
	if standby {
		return fault.New(fault.Unavailable, "the database is a read-only standby")
	}
	return nil
}

// becomeApp drops a session to the app role where the login role is more powerful, and refuses the connection when that fails.
func becomeApp(ctx context.Context, conn *pgx.Conn) error {
	const boundQuery = `SELECT NOT (r.rolsuper OR r.rolbypassrls)
		AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace)
		FROM pg_roles r WHERE r.rolname = current_user`
	var bound bool
	if err := conn.QueryRow(ctx, boundQuery).Scan(&bound); err != nil {
		return err
	}
	if bound {
		return nil
	}
	if pooled, err := throughPooler(ctx, conn); err != nil || pooled {
		return errors.Join(err, errPooledOwner)
	}
	if _, err := conn.Exec(ctx, "SET ROLE "+appRole); err != nil {
		return fmt.Errorf("the database user is not bound by row security and cannot become %s; run migrate first: %w", appRole, err)
	}
	return nil
}
