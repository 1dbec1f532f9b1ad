package dbtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const dirPrefix = "switchboard-test-"

// server is the private Postgres (and, once asked for, Redis) of this test process.
type server struct {
	once      sync.Once
	err       error
	dir       string
	janitor   io.Closer // open as long as the process lives
	postgres  *embedded.Postgres
	fileCopy  bool // CREATE DATABASE knows STRATEGY (Postgres 15)
	databases atomic.Int64

	redisOnce sync.Once
	redisErr  error
	redis     *embedded.Redis
	redisPipe io.Closer // its janitor
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
	if s.dir, s.janitor, err = temporary(); err != nil {
		return err
	}
	s.postgres, err = embedded.StartPostgres(ctx, embedded.Options{
		Dir:      s.dir,
		Database: template,
		Settings: map[string]string{"timezone": "Asia/Kathmandu", "wal_level": "minimal", "max_wal_senders": "0"},
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

// temporary makes a directory that is removed when this process has ended, in whatever way: a test process has no last
// moment of its own, so a shell waits for the other end of a pipe to close. Holding the closer keeps the pipe open.
func temporary() (string, io.Closer, error) {
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return "", nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", nil, err
	}
	if keep() {
		return dir, io.NopCloser(nil), os.WriteFile(filepath.Join(dir, "keep"), nil, 0o600)
	}
	// The servers are dying while the files go, and may write a last one: hence several attempts.
	script := `read -r _; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && exit; sleep 0.3; done`
	cmd := exec.Command("/bin/sh", "-c", script, "janitor", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // survives Ctrl-C
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	return dir, pipe, cmd.Start()
}

// sweep removes what processes left whose janitor was killed too. A directory counts as left when it is old enough to
// have its locks, and nobody holds them.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "keep")); err == nil {
			continue
		}
		if unused(filepath.Join(dir, "postgres")) && unused(filepath.Join(dir, "redis")) {
			_ = os.RemoveAll(dir)
		}
	}
}

// unused tells whether a server directory is missing or abandoned.
func unused(dir string) bool {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return true
	}
	return embedded.Abandoned(dir)
}
