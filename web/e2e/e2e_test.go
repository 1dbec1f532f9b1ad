// Package e2e starts the real binary and drives the agent app in a real Chromium against it. The tests themselves are the .mjs files
// beside this one; this file gives them a running Switchboard that they may kill.
//
// Imports: the standard library only.
package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestAgentApp runs the browser tests against one installation.
func TestAgentApp(t *testing.T) {
	d := install(t)
	d.start(t.Context())
	d.node("inbox.test.mjs")
}

// TestStory is the whole of it: a customer writes, an agent answers, the server is killed in the middle and started again, and nothing
// is lost and nothing sent twice.
func TestStory(t *testing.T) {
	d := install(t)
	d.start(t.Context())
	d.node("story.test.mjs")
	verify := d.command(t.Context(), "verify")
	verify.Env = append(verify.Env, "DATABASE_URL="+d.databaseURL())
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("the invariants do not hold: %v\n%s", err, out)
	}
}

// facts is what `switchboard dev` writes down about itself once it is ready.
type facts struct {
	App       string `json:"app"`
	Admin     string `json:"admin"`
	Simulator string `json:"simulator"`
	Tenant    string `json:"tenant"`
	Password  string `json:"password"`
	APIKey    string `json:"apiKey"`
	Logins    []struct {
		Email string `json:"email"`
		Role  string `json:"role"`
	} `json:"logins"`
}

// installation is a binary and a data directory; between kills it keeps its addresses.
type installation struct {
	t     *testing.T
	bin   string
	dir   string
	facts facts

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{}
}

func install(t *testing.T) *installation {
	t.Helper()
	if _, err := os.Stat("../dist/index.html"); err != nil {
		t.Fatal("the agent app is not built: run `make web` first, or everything by `make test`")
	}
	d := &installation{t: t, bin: filepath.Join(t.TempDir(), "switchboard"), dir: dataDir(t)}
	build := exec.Command("go", "build", "-race", "-o", d.bin, "../../cmd/switchboard")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("what the log complains of:\n%s", d.complaints())
		}
	})
	return d
}

// complaints returns the last warnings and errors of the log.
func (d *installation) complaints() string {
	log, _ := os.ReadFile(filepath.Join(d.dir, "switchboard.log"))
	var found []string
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			found = append(found, line)
		}
	}
	return strings.Join(found[max(0, len(found)-50):], "")
}

// dataDir is a directory whose parents the servers' own user can pass through, unlike t.TempDir's.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "switchboard-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (d *installation) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.bin, args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL=", "REDIS_URL=", "SWITCHBOARD_DATA_DIR="+d.dir,
		"PORT="+port(d.facts.App), "ADMIN_ADDR=127.0.0.1:"+port(d.facts.Admin), "SIMULATOR_ADDR=127.0.0.1:"+port(d.facts.Simulator))
	return cmd
}

// databaseURL is the private database's address as the app sees it.
func (d *installation) databaseURL() string {
	d.t.Helper()
	var socket string
	_ = filepath.WalkDir(d.dir, func(path string, entry os.DirEntry, _ error) error {
		if entry != nil && strings.HasPrefix(entry.Name(), ".s.PGSQL.") && !strings.HasSuffix(entry.Name(), ".lock") {
			socket = path
		}
		return nil
	})
	if socket == "" {
		d.t.Fatal("the private database has no socket")
	}
	return "postgres://switchboard_app@/switchboard?host=" + url.QueryEscape(filepath.Dir(socket)) +
		"&port=" + strings.TrimPrefix(filepath.Base(socket), ".s.PGSQL.")
}

// port returns the port of an address, or 0, which lets the system choose one.
func port(address string) string {
	if u, err := url.Parse(address); err == nil && u.Port() != "" {
		return u.Port()
	}
	return "0"
}

// start runs `switchboard dev` until it says that it is ready.
func (d *installation) start(ctx context.Context) {
	d.t.Helper()
	if err := d.launch(ctx); err != nil {
		d.t.Fatal(err)
	}
}

func (d *installation) launch(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process != nil {
		return errors.New("it runs already")
	}
	cmd := d.command(context.WithoutCancel(ctx), "dev")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = d.t.Output()
	if err := cmd.Start(); err != nil {
		return err
	}
	d.process, d.ended = cmd, make(chan struct{})
	ready := make(chan struct{}, 1)
	go func(ended chan struct{}) {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "is ready") {
				ready <- struct{}{}
			}
		}
		_ = cmd.Wait()
	}(d.ended)
	select {
	case <-ready:
	case <-d.ended:
		d.process = nil
		return errors.New("switchboard dev ended before it was ready")
	case <-time.After(2 * time.Minute):
		return errors.New("switchboard dev is not ready after two minutes")
	}
	written, err := os.ReadFile(filepath.Join(d.dir, "dev.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(written, &d.facts)
}

// end sends the signal and waits for the process to be gone.
func (d *installation) end(signal syscall.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil {
		return errors.New("it does not run")
	}
	if err := d.process.Process.Signal(signal); err != nil {
		return err
	}
	<-d.ended
	d.process = nil
	return nil
}

func (d *installation) stop() {
	if err := d.end(syscall.SIGTERM); err == nil {
		d.t.Log("stopped")
	}
}

// control lets a browser test kill the installation and start it again.
func (d *installation) control() *httptest.Server {
	answer := func(act func(*http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := act(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /kill", answer(func(*http.Request) error { return d.end(syscall.SIGKILL) }))
	mux.HandleFunc("POST /start", answer(func(r *http.Request) error { return d.launch(r.Context()) }))
	return httptest.NewServer(mux)
}

// node runs a file of browser tests against the installation.
func (d *installation) node(file string) {
	d.t.Helper()
	control := d.control()
	defer control.Close()
	type login struct {
		Tenant   string `json:"tenant"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	var logins []login
	for _, role := range []string{"SUPERVISOR", "ADMIN", "AGENT"} {
		for _, l := range d.facts.Logins {
			if l.Role == role {
				logins = append(logins, login{d.facts.Tenant, l.Email, d.facts.Password})
			}
		}
	}
	encoded, err := json.Marshal(logins)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--test", "--test-concurrency=1", "--test-reporter=spec", file)
	cmd.Env = append(os.Environ(), "E2E_APP_URL="+d.facts.App, "E2E_SIM_URL="+d.facts.Simulator, "E2E_LOGINS="+string(encoded),
		"E2E_CONTROL_URL="+control.URL)
	out, err := cmd.CombinedOutput()
	_, _ = fmt.Fprintf(d.t.Output(), "%s\n", out)
	if err != nil {
		d.t.Fatalf("%s: %v", file, err)
	}
}
