package embedded

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Redis is a running private server. It listens on TCP because Asynq and go-redis spell the address of a unix socket
// differently and agree only on redis://; a random password keeps other users of the machine out.
type Redis struct {
	opts     Options
	log      *slog.Logger
	home     *home
	bin      binary
	data     string
	password string
	port     int
	sentinel bool

	mu    sync.Mutex // guards child, which Restart replaces
	child *child
}

// StartRedis starts the server of o.Dir and returns when it has loaded its data and answers. It fails when neither Redis
// nor Valkey is installed, when another process uses the directory, or when the server does not come up; the error then
// ends with the server's last log lines.
func StartRedis(ctx context.Context, o Options) (*Redis, error) { return startRedis(ctx, o, false) }

// StartSentinel starts a Redis Sentinel in o.Dir, which watches what o.Settings tell it to, such as {"sentinel monitor": "desk 127.0.0.1
// 6379 2"}. It fails like StartRedis.
func StartSentinel(ctx context.Context, o Options) (*Redis, error) { return startRedis(ctx, o, true) }

func startRedis(ctx context.Context, o Options, sentinel bool) (*Redis, error) {
	bin, err := findRedis()
	if err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	log := o.logger()
	h, err := open(ctx, o.Dir, "redis", log)
	if err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	r := &Redis{opts: o, log: log, home: h, bin: bin, password: cmp.Or(o.Settings["requirepass"], rand.Text()), sentinel: sentinel}
	if r.data, err = h.private("data"); err == nil {
		err = r.launchOnFreePort(ctx)
	}
	if err != nil {
		h.close()
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	return r, nil
}

// launchOnFreePort starts the server on Options.Port, or on a port that was free a moment ago; if somebody was faster,
// it takes another.
func (r *Redis) launchOnFreePort(ctx context.Context) error {
	if r.port = r.opts.Port; r.port != 0 {
		return r.launch(ctx)
	}
	var err error
	for range 5 {
		if r.port, err = freePort(); err != nil {
			return err
		}
		err = r.launch(ctx)
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "in use") {
			return err
		}
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (r *Redis) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	mark := r.home.logSize()
	cmd, err := r.command()
	if err != nil {
		return err
	}
	c, err := spawn(cmd)
	if err != nil {
		return err
	}
	if err := c.poll(ctx, r.answers); err != nil {
		_ = c.stop(context.Background(), syscall.SIGKILL)
		return fmt.Errorf("%w\n%s", err, tail(r.home.path(logName), mark))
	}
	r.mu.Lock()
	r.child = c
	r.mu.Unlock()
	r.log.Info("private Redis is running", "pid", c.pid(), "port", r.port)
	return nil
}

// command prepares the server with its configuration, which stands not in the arguments, since every user can read those. A sentinel
// keeps what it learns in its configuration, so that has to be a file.
func (r *Redis) command() (*exec.Cmd, error) {
	if !r.sentinel {
		cmd := r.home.server(syscall.SIGKILL, r.bin, "-")
		cmd.Stdin = strings.NewReader(r.config())
		return cmd, nil
	}
	file := filepath.Join(r.data, "sentinel.conf")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(file, []byte(r.config()), 0o600); err != nil {
			return nil, err
		}
		if err := r.home.who.own(file); err != nil {
			return nil, err
		}
	}
	return r.home.server(syscall.SIGKILL, r.bin, file, "--sentinel"), nil
}

func (r *Redis) config() string {
	settings := map[string]string{
		"bind":             "127.0.0.1",
		"port":             strconv.Itoa(r.port),
		"requirepass":      r.password,
		"dir":              strconv.Quote(r.data),
		"daemonize":        "no",
		"databases":        "1024",
		"save":             `""`,
		"appendonly":       "yes",
		"appendfsync":      "everysec",
		"maxmemory-policy": "noeviction", // Asynq loses tasks under any other
	}
	if !r.opts.Fsync {
		settings["appendfsync"] = "no"
	}
	if r.sentinel {
		for _, data := range []string{"databases", "save", "appendonly", "appendfsync", "maxmemory-policy"} {
			delete(settings, data)
		}
	}
	var text strings.Builder
	for _, kv := range r.opts.merged(settings) {
		fmt.Fprintf(&text, "%s %s\n", kv[0], kv[1])
	}
	return text.String()
}

// answers asks for PONG; a server that still loads its data says LOADING instead.
func (r *Redis) answers() bool {
	conn, err := net.DialTimeout("tcp", r.address(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", r.password); err != nil {
		return false
	}
	replies := bufio.NewReader(conn)
	auth, _ := replies.ReadString('\n')
	pong, _ := replies.ReadString('\n')
	return auth == "+OK\r\n" && pong == "+PONG\r\n"
}

func (r *Redis) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL returns the server's address, with its password, for Asynq and go-redis.
func (r *Redis) URL() string { return r.DatabaseURL(0) }

// DatabaseURL returns the address of one of the server's 1024 logical databases.
func (r *Redis) DatabaseURL(n int) string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password), Host: r.address(), Path: "/" + strconv.Itoa(n)}
	return u.String()
}

// Dir returns where the server's files really are: data and server.log.
func (r *Redis) Dir() string { return r.home.dir }

// Pid returns the process id of the server.
func (r *Redis) Pid() int { return r.current().pid() }

// Done returns a channel that is closed when the server process has ended, expected or not.
func (r *Redis) Done() <-chan struct{} { return r.current().done }

func (r *Redis) current() *child {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.child
}

// Stop shuts the server down cleanly and gives the directory free. It returns an error when the server had to be killed.
// A second call does nothing.
func (r *Redis) Stop(ctx context.Context) error {
	err := r.current().stop(ctx, syscall.SIGTERM, syscall.SIGKILL)
	r.home.close()
	if err != nil {
		return fmt.Errorf("embedded redis: %w", err)
	}
	return nil
}

// Kill ends the server like a crash (SIGKILL) and waits until the process is gone. Restart brings it back.
func (r *Redis) Kill() error {
	c := r.current()
	if err := c.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("embedded redis: %w", err)
	}
	<-c.done
	return nil
}

// Restart starts the server again at the same address and with the same data, after a Kill or by a clean stop of its own.
func (r *Redis) Restart(ctx context.Context) error {
	if err := r.current().stop(ctx, syscall.SIGTERM, syscall.SIGKILL); err != nil {
		return fmt.Errorf("embedded redis: %w", err)
	}
	if err := r.launch(ctx); err != nil {
		return fmt.Errorf("embedded redis: %w", err)
	}
	return nil
}

// Wipe removes the append-only file of a stopped or killed server, so that Restart brings it back empty. It fails when
// the server is running.
func (r *Redis) Wipe() error {
	if !r.current().ended() {
		return errors.New("embedded redis: Wipe needs a server that was killed")
	}
	files, err := filepath.Glob(filepath.Join(r.data, "*"))
	if err != nil {
		return err
	}
	return removeAll(files)
}
