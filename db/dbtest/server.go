package dbtest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// server is the private Postgres (and, once asked for, Redis) of this test process.
type server struct {
	once      sync.Once
	err       error
	dir       *directory
	postgres  *embedded.Postgres
	fileCopy  bool // CREATE DATABASE knows STRATEGY (Postgres 15)
	databases atomic.Int64

	redisOnce sync.Once
	redisErr  error
	redisDir  *directory
	redis     *embedded.Redis
	numbers   atomic.Int64
}

// shared is the one variable of package level in this module: tests of one binary have nothing else in common in which
// the server could be kept, and a server per test would cost 0.7 s each. It is set up once and only test code sees it.
var shared server

// start starts Postgres on the first call and fails t when that went wrong, then or earlier.
func (s *server) start(t testing.TB) *server {
	t.Helper()
	s.once.Do(func() { s.err = s.setUp() })
	if s.err != nil {
		t.Fatalf("dbtest: %v", s.err)
	}
	return s
}

func (s *server) setUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*stepTimeout)
	defer cancel()
	sweep()
	var err error
	if s.dir, err = temporary(); err != nil {
		return err
	}
	s.postgres, err = embedded.StartPostgres(ctx, embedded.Options{
		Dir:      s.dir.path,
		Database: template,
		Settings: map[string]string{
			"timezone":           "Asia/Kathmandu",
			"synchronous_commit": "off", // nobody crashes this server; OwnPostgres is for that
			"max_connections":    "500",
			"wal_level":          "minimal",
			"max_wal_senders":    "0",
		},
	})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, s.postgres.URL(template)); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	s.fileCopy, err = s.knowsFileCopy(ctx)
	return err
}

func (s *server) knowsFileCopy(ctx context.Context) (bool, error) {
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version_num").Scan(&version); err != nil {
		return false, err
	}
	number, err := strconv.Atoi(version)
	return number >= 150000, err
}
