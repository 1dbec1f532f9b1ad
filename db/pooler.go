package db

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	errPooledOwner = errors.New("through a pooler the database user must be one that row security binds: a role taken by one session " +
		"would stay with the connection, and the next one would go without; let DATABASE_URL name " + appRole)
	errPooledListen = errors.New("LISTEN_DATABASE_URL leads through a pooler, where LISTEN hears nothing: name Postgres itself")
)

// keepsConnection reports whether a connection is worth keeping after an error. One that has become a standby's, or that the server is
// taking away, is closed, so that the pool connects anew to whoever is the primary now.
func keepsConnection(_ *pgconn.PgConn, err *pgconn.PgError) bool {
	return err.Severity != "FATAL" && err.Severity != "PANIC" && err.Code != "25006" && !strings.HasPrefix(err.Code, "57P")
}

// suitPooler chooses how statements are sent. Behind a pooler in transaction mode the next statement may meet another server connection, so
// none may be prepared under a name: descriptions of statements are kept instead, and each is sent whole, still with its values apart. An
// address that says default_query_exec_mode is believed; PgBouncer 1.21 and newer can follow prepared statements (cache_statement).
func suitPooler(ctx context.Context, cfg *pgx.ConnConfig, address string) error {
	if strings.Contains(address, "default_query_exec_mode") {
		return nil
	}
	probe := cfg.Copy()
	probe.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	conn, err := pgx.ConnectConfig(ctx, probe)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	pooled, err := throughPooler(ctx, conn)
	if pooled {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return err
}

// throughPooler reports whether somebody stands between: a pooler greets with a process number of its own making.
func throughPooler(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid uint32
	// Through a pooler not even this may be prepared under a name.
	err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid)
	return err == nil && pid != conn.PgConn().PID(), err
}
