//go:build linux

package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// parentDir makes this test binary a parent of servers below that directory, instead of running tests.
const parentDir = "SWITCHBOARD_TEST_PARENT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentDir); dir != "" {
		if err := beParent(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// report is what a parent says on its standard output when its servers run.
type report struct {
	Postgres, Redis       int
	PostgresURL, RedisURL string
}

func beParent(dir string) error {
	ctx := context.Background()
	o := embedded.Options{Dir: dir, Database: "shop", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	pg, err := embedded.StartPostgres(ctx, o)
	if err != nil {
		return err
	}
	r, err := embedded.StartRedis(ctx, o)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(report{pg.Pid(), r.Pid(), pg.URL("shop"), r.URL()}); err != nil {
		return err
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the test closes it
	return errors.Join(r.Stop(ctx), pg.Stop(ctx))
}

// parent is a re-executed test binary with two servers.
type parent struct {
	report
	cmd     *exec.Cmd
	done    chan error
	refused string // what it said instead of a report
}

// startParent starts a parent, optionally as another user, and waits for its report.
func startParent(t *testing.T, dir string, as *syscall.Credential) *parent {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testBinary(t, as), "-test.run=^$")
	cmd.Env = append(os.Environ(), parentDir+"="+dir)
	if as != nil {
		cmd.Dir = "/" // he may not enter the project
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &parent{cmd: cmd, done: make(chan error, 1)}
	decoded := json.NewDecoder(stdout).Decode(&p.report)
	go func() { p.done <- cmd.Wait() }()
	if decoded != nil {
		_ = stdin.Close()
		if err := <-p.done; err == nil {
			t.Error("a parent that was refused ended well")
		}
		p.refused = stderr.String()
	}
	return p
}

// testBinary returns the path of this program; for another user, of a copy that he may read.
func testBinary(t *testing.T, as *syscall.Credential) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if as == nil {
		return self
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(options(t).Dir, "parent")
	if err := os.WriteFile(copied, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestKillingTheParentKillsTheServersAndLosesNothing(t *testing.T) {
	t.Parallel()
	o := options(t)
	p := startParent(t, o.Dir, nil)
	if p.refused != "" {
		t.Fatal(p.refused)
	}
	execute(t, p.PostgresURL, "CREATE TABLE kept AS SELECT 'committed' AS state")
	if err := dial(t, p.RedisURL).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{p.Postgres, p.Redis} {
		if !alive(pid) {
			t.Fatalf("process %d of the report is not running", pid)
		}
	}

	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err == nil {
		t.Error("a killed parent ended well")
	}
	began := time.Now() // the next start may come before the last one's children are gone
	pg, r := startPostgres(t, o), startRedis(t, o)
	t.Logf("start after the kill took %v", time.Since(began))
	waitGone(t, p.Postgres)
	waitGone(t, p.Redis)
	if got := query(t, pg.URL("shop"), "SELECT state FROM kept"); got != "committed" {
		t.Errorf("kept = %q", got)
	}
	if got := dial(t, r.URL()).Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("k = %q", got)
	}
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("every other test of this package is this test")
		return
	}
	cases := map[string]uint32{"with a passwd entry": 65534, "without a passwd entry": 54321}
	for name, uid := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := options(t).Dir
			if err := os.Chown(dir, int(uid), int(uid)); err != nil {
				t.Fatal(err)
			}
			p := startParent(t, dir, &syscall.Credential{Uid: uid, Gid: uid})
			if uid == 54321 && strings.Contains(p.refused, "has no passwd entry") {
				return // a machine that forbids namespaces: explained is all that can be wanted
			}
			if p.refused != "" {
				t.Fatal(p.refused)
			}
			for _, pid := range []int{p.Postgres, p.Redis} {
				if got := uidOf(t, pid); got != uid {
					t.Errorf("process %d runs as %d, want %d", pid, got, uid)
				}
			}
			if got := query(t, p.PostgresURL, "SELECT current_user::text"); got != "postgres" {
				t.Errorf("current_user = %s", got)
			}
		})
	}
}

func TestRootGivesUpItsPowers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("this user has none")
		return
	}
	pg := startPostgres(t, options(t))
	if uidOf(t, pg.Pid()) == 0 {
		t.Error("Postgres runs as root")
	}
}

// A closed parent directory is what a project below /root has.
func TestClosedParentDirectory(t *testing.T) {
	t.Parallel()
	o := options(t)
	closed := filepath.Join(o.Dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	o.Dir = filepath.Join(closed, "data")
	pg := startPostgres(t, o)
	if got := query(t, pg.URL("shop"), "SELECT current_user::text"); got != "postgres" {
		t.Errorf("current_user = %s", got)
	}
	if err := pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pg.Dir(), closed) { // kept elsewhere, where nobody else cleans up
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(pg.Dir())) })
	}
	startPostgres(t, o) // and once more on what the first left
}

// alive tells whether a process runs; one that only waits to be collected by a lazy init does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("process %d outlived its parent", pid)
		}
	}
}

func uidOf(t *testing.T, pid int) uint32 {
	t.Helper()
	info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}
