package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builtBinary returns the program as users run it, built once for all tests of this package.
func builtBinary(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build is remembered for the life of the test process, and removed with its directory by the last test that asks.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "switchboard-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "switchboard")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is the binary at work.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when it has ended
}

// environ is the environment of a process: nothing of the test's own configuration gets through.
func environ(vars ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"SWITCHBOARD_PGBIN=" + os.Getenv("SWITCHBOARD_PGBIN"), "SWITCHBOARD_REDIS_SERVER=" + os.Getenv("SWITCHBOARD_REDIS_SERVER")}, vars...)
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(builtBinary(t), args...), out: &output{}, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("switchboard %s:\n%s", strings.Join(args, " "), p.out)
		}
	})
	return p
}

// end sends the signal and returns the exit code and how long the end took.
func (p *process) end(signal syscall.Signal) (code int, took time.Duration) {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(40 * time.Second):
		p.t.Fatal("the process does not end")
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(began)
}

// finish runs the binary to its end.
func finish(t *testing.T, env []string, stdin string, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, builtBinary(t), args...)
	cmd.Env, cmd.Stdin = env, strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// eventually polls until the condition holds.
func eventually(t *testing.T, p *process, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("%s: the process ended", what)
		case <-deadline:
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// request returns the status and body of an answer; 0 when there is none.
func request(t *testing.T, method, url, token string, body any) (int, []byte) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, text
}

// query runs a GraphQL operation and reads its data.
func query[T any](t *testing.T, base, token, document string) (data T) {
	t.Helper()
	status, body := request(t, http.MethodPost, base+"/graphql", token, map[string]string{"query": document})
	var answer struct {
		Data   T
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(body, &answer); status != http.StatusOK || err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%d %s", status, body)
	}
	return answer.Data
}
