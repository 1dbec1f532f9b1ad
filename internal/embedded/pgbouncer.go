package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// PgBouncer is a running private connection pooler in transaction mode, on a unix socket like its Postgres.
type PgBouncer struct {
	home   *home
	socket string
	child  *child
}

const poolerPort = "6432"

// StartPgBouncer starts a pooler before the server that lets the roles in. o.Settings are added to its configuration. It fails when PgBouncer
// is not installed or does not come up; the error then ends with its last log lines.
func StartPgBouncer(ctx context.Context, o Options, server *Postgres, roles ...string) (*PgBouncer, error) {
	bin, err := findPgBouncer()
	if err != nil {
		return nil, fmt.Errorf("embedded pgbouncer: %w", err)
	}
	h, err := open(ctx, o.Dir, "pgbouncer", o.logger())
	if err != nil {
		return nil, fmt.Errorf("embedded pgbouncer: %w", err)
	}
	b := &PgBouncer{home: h}
	if b.socket, err = h.private("run"); err == nil {
		err = b.launch(ctx, bin, o, server, roles)
	}
	if err != nil {
		h.close()
		return nil, fmt.Errorf("embedded pgbouncer: %w", err)
	}
	return b, nil
}

func findPgBouncer() (binary, error) {
	paths := []string{"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"}
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		paths = append([]string{path}, paths...)
	}
	for _, root := range projectRoots() {
		path := filepath.Join(root, ".runtime/usr/sbin/pgbouncer")
		if executable(path) {
			return binary{path: path, env: libraries(filepath.Join(root, ".runtime"))}, nil
		}
	}
	for _, path := range paths {
		if executable(path) {
			return binary{path: path}, nil
		}
	}
	return binary{}, errors.New("no PgBouncer found: run tools/setup.sh test, or install the package pgbouncer")
}

func (b *PgBouncer) launch(ctx context.Context, bin binary, o Options, server *Postgres, roles []string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	config, err := b.configure(o, server, roles)
	if err != nil {
		return err
	}
	mark := b.home.logSize()
	c, err := spawn(b.home.server(syscall.SIGKILL, bin, config))
	if err != nil {
		return err
	}
	up := func() bool {
		_, err := os.Stat(filepath.Join(b.socket, ".s.PGSQL."+poolerPort))
		return err == nil
	}
	if err := c.poll(ctx, up); err != nil {
		_ = c.stop(context.Background(), syscall.SIGKILL)
		return fmt.Errorf("%w\n%s", err, tail(b.home.path(logName), mark))
	}
	b.child = c
	return nil
}

// configure writes the configuration and the list of roles and returns the path of the first.
func (b *PgBouncer) configure(o Options, server *Postgres, roles []string) (string, error) {
	users, config := b.home.path("users"), b.home.path("pgbouncer.ini")
	var list, text strings.Builder
	for _, role := range roles {
		fmt.Fprintf(&list, "%q %q\n", role, "")
	}
	fmt.Fprintf(&text, "[databases]\n* = host=%s port=%s\n[pgbouncer]\n", server.socket, socketPort)
	for _, kv := range o.merged(map[string]string{
		"pool_mode": "transaction", "unix_socket_dir": b.socket, "listen_port": poolerPort, "auth_type": "trust", "auth_file": users,
		"default_pool_size": "8", "max_client_conn": "500", "server_idle_timeout": "60",
	}) {
		fmt.Fprintf(&text, "%s = %s\n", kv[0], kv[1])
	}
	for path, content := range map[string]string{users: list.String(), config: text.String()} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", err
		}
		if err := b.home.who.own(path); err != nil {
			return "", err
		}
	}
	return config, nil
}

// UserURL returns the address of a database for a role, through the pooler.
func (b *PgBouncer) UserURL(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
	u.RawQuery = url.Values{"host": {b.socket}, "port": {poolerPort}}.Encode()
	return u.String()
}

// Stop ends the pooler and gives the directory free. It returns an error when it had to be killed.
func (b *PgBouncer) Stop(ctx context.Context) error {
	err := b.child.stop(ctx, syscall.SIGTERM, syscall.SIGKILL)
	b.home.close()
	if err != nil {
		return fmt.Errorf("embedded pgbouncer: %w", err)
	}
	return nil
}
