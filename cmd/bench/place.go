package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const (
	appSecret = "bench-app-secret"
	database  = "run" // a fresh copy of the loaded database
)

// key is every key of the measured installation: nothing in it is secret.
func key() string { return "bench:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) }

// place is everything that runs.
type place struct {
	dir      string
	postgres *embedded.Postgres
	redis    *embedded.Redis
	pool     *pgxpool.Pool // as the owner
	tokens   *auth.Tokens
	provider *provider
	standins *process
	serve    *process
	work     *process // nil until a measure needs it
	binary   string
}

func openPlace(ctx context.Context, o options) (_ *place, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	p := &place{dir: filepath.Join(cache, "switchboard-bench"), binary: o.binary}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.tokens, err = auth.NewTokens(key(), "switchboard", time.Hour, time.Now); err != nil {
		return nil, err
	}
	if err = p.startServers(ctx); err != nil {
		return nil, err
	}
	if p.provider, err = startProvider(); err != nil {
		return nil, err
	}
	if p.standins, err = p.startStandins(ctx); err != nil {
		return nil, err
	}
	p.serve, err = p.start(ctx, "serve")
	return p, err
}

// startServers starts Postgres and Redis, and copies the loaded database, which is loaded once for every schema.
func (p *place) startServers(ctx context.Context) (err error) {
	settings := map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top", "pg_stat_statements.track_planning": "on",
		"shared_buffers": "512MB", "max_wal_size": "4GB"}
	options := embedded.Options{Dir: p.dir, Fsync: true, Settings: settings}
	if p.postgres, err = embedded.StartPostgres(ctx, options); err != nil {
		return err
	}
	options.Settings = nil
	if p.redis, err = embedded.StartRedis(ctx, options); err != nil {
		return err
	}
	if err = p.loadOnce(ctx); err != nil {
		return err
	}
	pc, err := pgxpool.ParseConfig(p.postgres.URL(database))
	if err != nil {
		return err
	}
	pc.MaxConns = 16
	p.pool, err = pgxpool.NewWithConfig(ctx, pc)
	return err
}

// close ends everything, the servers last.
func (p *place) close() {
	for _, child := range []*process{p.work, p.serve, p.standins} {
		child.stop()
	}
	if p.provider != nil {
		_ = p.provider.server.Close()
	}
	if p.pool != nil {
		p.pool.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if p.redis != nil {
		_ = p.redis.Stop(ctx)
	}
	if p.postgres != nil {
		_ = p.postgres.Stop(ctx)
	}
}

// process is a child of ours.
type process struct {
	cmd   *exec.Cmd
	url   string // of what it serves
	admin string // of its health, metrics and profiles
	ready time.Duration
}

// stop ends the process and waits for it.
func (c *process) stop() {
	if c == nil || c.cmd.ProcessState != nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait()
	late.Stop()
}

// rss returns the memory of the process in MiB.
func (c *process) rss() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kib / 1024
		}
	}
	return 0
}

func (p *place) environment(more ...string) []string {
	return append(os.Environ(), append([]string{
		"DATABASE_URL=" + p.postgres.UserURL("switchboard_app", database), "REDIS_URL=" + p.redis.URL(), "SWITCHBOARD_KEKS=" + key(),
		"SWITCHBOARD_JWT_KEYS=" + key(), "SWITCHBOARD_FILE_KEYS=" + key(), "SWITCHBOARD_META_APP_SECRET=" + appSecret,
		"SWITCHBOARD_META_VERIFY_TOKEN=bench", "SWITCHBOARD_BLOB_URL=mem://", "LOG_LEVEL=WARN", "SWITCHBOARD_BIND_HOST=127.0.0.1",
		"META_GRAPH_BASE_URL=" + p.provider.url, "SWITCHBOARD_ACCESS_TOKEN_LIFE=60m",
	}, more...)...)
}

// start runs a command of the binary and waits until it is ready.
func (p *place) start(ctx context.Context, command string) (*process, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	c := &process{url: "http://127.0.0.1:" + ports[0], admin: "http://127.0.0.1:" + ports[1]}
	c.cmd = exec.Command(p.binary, command) //nolint:gosec // the binary that is to be measured
	c.cmd.Env = p.environment("PORT="+ports[0], "ADMIN_ADDR=127.0.0.1:"+ports[1], "PUBLIC_BASE_URL="+c.url)
	c.cmd.Stderr = os.Stderr
	begun := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for ctx.Err() == nil && time.Since(begun) < 20*time.Second {
		if answer, err := http.Get(c.admin + "/readyz"); err == nil { //nolint:noctx // loopback
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				c.ready = time.Since(begun)
				return c, nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	c.stop()
	return nil, fmt.Errorf("%s does not become ready", command)
}

// working starts the workers, when none run.
func (p *place) working(ctx context.Context) (err error) {
	if p.work == nil {
		p.work, err = p.start(ctx, "work")
	}
	return err
}

func (p *place) startStandins(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &process{cmd: exec.CommandContext(ctx, self, "standin")}
	c.cmd.Env = append(os.Environ(), "DATABASE_URL="+p.postgres.URL(database), "REDIS_URL="+p.redis.URL(), "PROVIDER_URL="+p.provider.url)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.url = strings.TrimSpace(line)
	return c, err
}

func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// profile writes CPU profiles of the next two seconds of the product, where they are asked for.
func (b *bench) profile(ctx context.Context, name string) {
	if b.options.profile == "" {
		return
	}
	for part, c := range map[string]*process{"serve": b.serve, "work": b.work} {
		if c == nil {
			continue
		}
		go func() {
			err := download(ctx, c.admin+"/debug/pprof/profile?seconds=2", filepath.Join(b.options.profile, name+"."+part+".pprof"))
			if err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
			}
		}()
	}
}

func download(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	return errors.Join(err, file.Close())
}

// printTop prints what the database was busy with for the product: calls, milliseconds of planning and of execution, and the statement.
func (b *bench) printTop(ctx context.Context, w io.Writer) error {
	rows, err := b.pool.Query(ctx, `SELECT calls, total_plan_time, total_exec_time, left(regexp_replace(query, '\s+', ' ', 'g'), 150)
		FROM bench.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'switchboard_app'
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		ORDER BY total_plan_time + total_exec_time DESC LIMIT $1`, b.options.top)
	if err != nil {
		return err
	}
	var calls int64
	var plan, exec float64
	var text string
	_, err = pgx.ForEachRow(rows, []any{&calls, &plan, &exec, &text}, func() error {
		_, err := fmt.Fprintf(w, "%8d calls  plan %8.0f ms  execute %8.0f ms  %s\n", calls, plan, exec, text)
		return err
	})
	return err
}
