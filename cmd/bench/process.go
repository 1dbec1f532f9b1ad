package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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

// memory returns the memory of the process in MiB; one that has ended is an error, and not one that needs nothing.
func (c *process) memory() (float64, error) {
	if mib := c.rss(); mib > 0 {
		return mib, nil
	}
	return 0, fmt.Errorf("%s has ended", c.cmd.Args)
}

// rss returns the memory of the process in MiB, 0 when it has ended.
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

// start runs a command of the binary and waits until it is ready; more of the environment overrides what the place says.
func (p *place) start(ctx context.Context, command string, more ...string) (*process, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	c := &process{url: "http://127.0.0.1:" + ports[0], admin: "http://127.0.0.1:" + ports[1]}
	c.cmd = exec.Command(p.binary, command) //nolint:gosec // the binary that is to be measured
	c.cmd.Env = append(p.environment("PORT="+ports[0], "ADMIN_ADDR=127.0.0.1:"+ports[1], "PUBLIC_BASE_URL="+c.url), more...)
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, dying()
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

func (p *place) startStandins(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &process{cmd: exec.CommandContext(ctx, self, "standin")}
	c.cmd.Env = append(os.Environ(), "DATABASE_URL="+p.postgres.URL(mainData().name), "REDIS_URL="+p.redis.URL(), "PROVIDER_URL="+p.provider.url)
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, dying()
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
