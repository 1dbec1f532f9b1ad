package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
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
	data := filepath.Join(s.dir.path, "postgres", "data")
	cached, err := openCache()
	fresh := err == nil && !cached.restore(data)
	if err := s.launch(ctx); err != nil {
		return err
	}
	if err := db.Migrate(ctx, s.postgres.URL(template), slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	if fresh && s.postgres.Dir() == filepath.Dir(data) {
		if err := s.saveTo(ctx, cached, data); err != nil {
			return err
		}
	}
	s.fileCopy, err = s.knowsFileCopy(ctx)
	return err
}

func (s *server) launch(ctx context.Context) error {
	var err error
	s.postgres, err = embedded.StartPostgres(ctx, embedded.Options{
		Dir:      s.dir.path,
		Database: template,
		Settings: map[string]string{
			"timezone":           "Asia/Kathmandu",
			"synchronous_commit": "off", // nobody crashes this server; OwnPostgres is for that
			"max_connections":    "500",
			"max_wal_size":       "128MB", // it may be kept in memory
			"min_wal_size":       "32MB",
			"wal_level":          "minimal",
			"max_wal_senders":    "0",
		},
	})
	return err
}

// saveTo stops the server for the moment that a copy of its files takes. A cache that cannot be written only costs time.
func (s *server) saveTo(ctx context.Context, c *cache, data string) error {
	if err := s.postgres.Stop(ctx); err != nil {
		return err
	}
	_ = c.save(data)
	return s.launch(ctx)
}

func (s *server) knowsFileCopy(ctx context.Context) (bool, error) {
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var version string
	if err := conn.QueryRow(ctx, "SHOW server_version_num").Scan(&version); err != nil {
		return false, err
	}
	number, err := strconv.Atoi(version)
	return number >= 150000, err
}
