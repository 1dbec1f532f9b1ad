package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tail keeps the end of what a process prints.
type tail struct {
	mu   sync.Mutex
	text []byte
	bad  []string // lines that no process may print
}

func (o *tail) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, line := range strings.Split(string(b), "\n") {
		crash := strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.Contains(line, "DATA RACE")
		if crash && !strings.Contains(line, "faultpoint: ") {
			o.bad = append(o.bad, line)
		}
	}
	if o.text = append(o.text, b...); len(o.text) > 64<<10 {
		o.text = bytes.Clone(o.text[len(o.text)-32<<10:])
	}
	return len(b), nil
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// process is one place of the installation: whenever the program there ends, it is started again, as a service manager does.
type process struct {
	name  string
	path  string
	args  []string
	env   []string
	admin string // address of health and metrics; empty: none
	sock  string
	out   *tail

	mu      sync.Mutex
	cmd     *exec.Cmd
	arm     string // FAULT_ARM of the next start
	starts  int
	closing bool
	hits    map[string]int
	wg      sync.WaitGroup
}

// run starts the program and keeps it running until close.
func (p *process) run() {
	p.out, p.hits = &tail{}, map[string]int{}
	p.wg.Go(func() {
		runtime.LockOSThread() // the kernel ties the death signal to the thread
		defer runtime.UnlockOSThread()
		for {
			cmd, ok := p.next()
			if !ok {
				return
			}
			if err := cmd.Start(); err != nil {
				_, _ = fmt.Fprintln(p.out, "cannot start:", err)
			} else {
				p.mu.Lock()
				p.cmd = cmd
				p.starts++
				if p.closing {
					_ = cmd.Process.Kill()
				}
				p.mu.Unlock()
				err := cmd.Wait()
				_, _ = fmt.Fprintf(p.out, "--- ended: %v\n", err)
			}
			<-time.After(50 * time.Millisecond)
		}
	})
}

func (p *process) next() (*exec.Cmd, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return nil, false
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append([]string{"FAULT_SOCK=" + p.sock, "FAULT_ARM=" + p.arm}, p.env...)
	p.arm = ""
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, true
}

func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(s) // one that has just ended is started again anyway
	}
}

func (p *process) started() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

func (p *process) close() {
	p.mu.Lock()
	p.closing = true
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Kill()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// armNext lets the program meet a fault from its next start on.
func (p *process) armNext(o order) {
	text, _ := json.Marshal(o) // plain fields always marshal
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arm = string(text)
}

// order is what the fault points understand.
type order struct {
	Point  string `json:"point,omitzero"`
	Action string `json:"action"`
	Nth    int    `json:"nth,omitzero"`
	Millis int    `json:"millis,omitzero"`
}

// tell gives an order to the running program.
func (p *process) tell(o order) error {
	conn, err := net.DialTimeout("unix", p.sock, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	var hits map[string]int
	if err := errors.Join(json.NewEncoder(conn).Encode(o), json.NewDecoder(conn).Decode(&hits)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for point, n := range hits {
		p.hits[point] = max(p.hits[point], n)
	}
	return nil
}

// ready reports whether the program answers and reaches what it needs.
func (p *process) ready() bool {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
