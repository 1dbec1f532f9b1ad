package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	superuser     = "postgres"
	socketPort    = "5432" // only a part of the socket's name: nothing listens on TCP
	maxSocketPath = 100    // the kernel's limit is 107
)

// Postgres is a running private server.
type Postgres struct {
	opts    Options
	log     *slog.Logger
	home    *home
	install installation
	data    string
	socket  string // directory of the socket
	tempDir bool   // socket is a temporary directory

	mu    sync.Mutex // guards child, which Restart replaces
	child *child
}

// StartPostgres starts the server of o.Dir, initialising its data directory first if there is none, and returns when it
// accepts connections. It fails when no Postgres is installed, when another process uses the directory, or when the
// server does not come up; the error then ends with the server's last log lines.
func StartPostgres(ctx context.Context, o Options) (*Postgres, error) {
	log := o.logger()
	h, err := open(ctx, o.Dir, "postgres", log)
	if err != nil {
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	p := &Postgres{opts: o, log: log, home: h, data: h.path("data")}
	if err = p.prepare(ctx); err == nil {
		err = p.launch(ctx)
	}
	if err != nil {
		p.release()
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	return p, nil
}

func (p *Postgres) release() {
	p.home.close()
	if p.tempDir {
		_ = os.RemoveAll(p.socket)
	}
}

// prepare finds the programs, initialises the data directory and makes the socket's directory.
func (p *Postgres) prepare(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(p.data, "PG_VERSION"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if p.install, err = findPostgres(0); err != nil {
			return err
		}
		if err := p.initialise(ctx); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		major, _ := strconv.Atoi(strings.TrimSpace(string(version)))
		if p.install, err = findPostgres(major); err != nil {
			return err
		}
	}
	return p.makeSocketDir()
}

// makeSocketDir puts the socket beside the data, or, where that path is too long for a socket, into a temporary directory.
func (p *Postgres) makeSocketDir() error {
	var err error
	if p.socket, err = p.home.private("run"); err != nil {
		return err
	}
	if len(p.socket)+len("/.s.PGSQL."+socketPort) <= maxSocketPath {
		return nil
	}
	if p.socket, err = os.MkdirTemp("/tmp", "switchboard-pg-"); err != nil {
		return err
	}
	p.tempDir = true
	return p.home.who.own(p.socket)
}

// initialise runs initdb into a directory of another name and renames it at the end, so that a start that is killed in
// the middle leaves nothing that looks like a database.
func (p *Postgres) initialise(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := os.RemoveAll(p.data + ".new"); err != nil {
		return err
	}
	fresh, err := p.home.private("data.new")
	if err != nil {
		return err
	}
	major, err := p.install.major()
	if err != nil {
		return err
	}
	arg := []string{"-D", fresh, "-U", superuser, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"}
	if major >= 17 {
		arg = append(arg, "--locale-provider=builtin")
	}
	if !p.opts.Fsync {
		arg = append(arg, "--no-sync")
	}
	p.log.Info("initialising a private Postgres", "version", major, "data", p.data)
	if err := run(ctx, p.home.command(p.install.program("initdb"), arg...)); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	if err := p.createDatabase(ctx, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, p.data)
}

// createDatabase makes Options.Database in single-user mode, which needs no client library.
func (p *Postgres) createDatabase(ctx context.Context, data string) error {
	if p.opts.Database == "" {
		return nil
	}
	cmd := p.home.command(p.install.program("postgres"), "--single", "-D", data, "-c", "fsync=off", superuser)
	cmd.Stdin = strings.NewReader(`CREATE DATABASE "` + strings.ReplaceAll(p.opts.Database, `"`, `""`) + "\"\n")
	if err := run(ctx, cmd); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// launch starts the server and waits until it accepts connections. After a Kill, backends of the dead server may need a
// moment to notice; the new one refuses to start beside them, so it is tried again.
func (p *Postgres) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := p.tryLaunch(ctx)
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "shared memory block") {
			return err
		}
		p.log.Info("waiting for the backends of the previous server to end")
	}
}

func (p *Postgres) tryLaunch(ctx context.Context) error {
	pidFile := filepath.Join(p.data, "postmaster.pid")
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	mark := p.home.logSize()
	cmd := p.home.server(syscall.SIGQUIT, p.install.program("postgres"), p.arguments()...)
	c, err := spawn(cmd)
	if err != nil {
		return err
	}
	if err := c.poll(ctx, func() bool { return accepting(pidFile, c.pid()) }); err != nil {
		_ = c.stop(context.Background(), syscall.SIGQUIT, syscall.SIGKILL)
		return fmt.Errorf("%w\n%s", err, tail(p.home.path(logName), mark))
	}
	p.mu.Lock()
	p.child = c
	p.mu.Unlock()
	p.log.Info("private Postgres is running", "pid", c.pid(), "socket", p.socket)
	return nil
}

func (p *Postgres) arguments() []string {
	settings := map[string]string{
		"listen_addresses":              "",
		"port":                          socketPort,
		"unix_socket_directories":       p.socket,
		"unix_socket_permissions":       "0700",
		"max_connections":               "200",
		"shared_buffers":                "128MB",
		"timezone":                      "UTC",
		"jit":                           "off",
		"log_checkpoints":               "off",
		"log_error_verbosity":           "terse", // DETAIL shows column values, which may be a customer's
		"logging_collector":             "off",
		"log_destination":               "stderr",
		"max_wal_size":                  "1GB",
		"min_wal_size":                  "80MB",
		"shared_preload_libraries":      "",
		"max_locks_per_transaction":     "256",
		"autovacuum_naptime":            "15s",
		"default_transaction_isolation": "read committed",
	}
	if !p.opts.Fsync { // synchronous_commit stays on: without it a crash of the server loses commits
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	arg := []string{"-D", p.data}
	for _, kv := range p.opts.merged(settings) {
		arg = append(arg, "-c", kv[0]+"="+kv[1])
	}
	return arg
}

// accepting reads what the server says about itself in its pid file: line 1 is the process, line 8 its state.
func accepting(pidFile string, pid int) bool {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(pid) && strings.Contains(" ready standby ", " "+strings.TrimSpace(lines[7])+" ")
}

// URL returns the address of a database for the superuser.
func (p *Postgres) URL(database string) string { return p.UserURL(superuser, database) }

// UserURL returns the address of a database for a login role. No password is needed: only processes of the owner, or of
// root, can enter the socket's directory.
func (p *Postgres) UserURL(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
	u.RawQuery = url.Values{"host": {p.socket}, "port": {socketPort}}.Encode()
	return u.String()
}

// Dir returns where the server's files really are: data, server.log and, normally, the socket.
func (p *Postgres) Dir() string { return p.home.dir }

// Pid returns the process id of the server.
func (p *Postgres) Pid() int { return p.current().pid() }

// Done returns a channel that is closed when the server process has ended, expected or not.
func (p *Postgres) Done() <-chan struct{} { return p.current().done }

func (p *Postgres) current() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.child
}

// Stop disconnects all clients, shuts the server down cleanly and gives the directory free. It returns an error when the
// server had to be killed. A second call does nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	err := p.current().stop(ctx, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
	p.release()
	if err != nil {
		return fmt.Errorf("embedded postgres: %w", err)
	}
	return nil
}

// Kill ends the server like a crash (SIGKILL) and waits until the process is gone. Restart brings it back.
func (p *Postgres) Kill() error {
	c := p.current()
	if err := c.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("embedded postgres: %w", err)
	}
	<-c.done
	return nil
}

// Restart starts the server again at the same address, after a Kill or by a clean stop of its own.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.current().stop(ctx, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL); err != nil {
		return fmt.Errorf("embedded postgres: %w", err)
	}
	if err := p.launch(ctx); err != nil {
		return fmt.Errorf("embedded postgres: %w", err)
	}
	return nil
}
