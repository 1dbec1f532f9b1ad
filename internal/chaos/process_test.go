package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one place of the installation: whenever the program there ends, it is started again, as a service manager does.
type process struct {
	name   string
	path   string
	args   []string
	admin  string // address of health and metrics; empty: none
	sock   string
	secret *canaries
	out    *tail

	mu      sync.Mutex
	env     []string
	cmd     *exec.Cmd
	arm     string // FAULT_ARM of the next start
	starts  int
	since   time.Time // when this life began
	ends    []end     // of every life that has ended; those that never began are none
	pressed []int     // which lives were told twice to stop
	closing bool
	hits    map[string]int // how often each point was passed in the lives that have ended
	life    map[string]int // and in this one
	wg      sync.WaitGroup
}

// run starts the program and keeps it running until close.
func (p *process) run() {
	p.out, p.hits, p.life = &tail{secret: p.secret, struck: map[string]int{}}, map[string]int{}, map[string]int{}
	p.wg.Go(func() {
		runtime.LockOSThread() // the kernel ties the death signal to the thread
		defer runtime.UnlockOSThread()
		for {
			cmd, ok := p.next()
			if !ok {
				return
			}
			if err := cmd.Start(); err != nil {
				p.out.say("cannot start: %v", err)
			} else {
				p.begun(cmd)
				p.ended(cmd.Wait())
			}
			<-time.After(50 * time.Millisecond)
		}
	})
}

func (p *process) begun(cmd *exec.Cmd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.since = cmd, time.Now()
	p.starts++
	if p.closing {
		_ = cmd.Process.Kill()
	}
}

func (p *process) ended(err error) {
	e := end{at: time.Now(), told: fmt.Sprint(err)}
	if status, failed := errors.AsType[*exec.ExitError](err); failed {
		e.code = status.ExitCode()
		e.killed = status.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	} else if err != nil {
		e.code = -1
	}
	e.words = p.out.lastLine()
	p.mu.Lock()
	e.life = e.at.Sub(p.since)
	p.ends = append(p.ends, e)
	p.mu.Unlock()
	p.out.say("--- ended: %v", err)
}

func (p *process) next() (*exec.Cmd, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return nil, false
	}
	for point, n := range p.life {
		p.hits[point] += n
	}
	clear(p.life)
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

// startTime is how soon a program that cannot begin has ended: without its database it says so, and is started again.
const startTime = 10 * time.Second

// endedByItself returns the ends that nobody ordered: with a code that says that something went wrong. No fault leads to one in a program that has begun:
// ordered panics are survived, and who is told to stop does so in order, unless told twice. One that never begins is missed at rest.
func (p *process) endedByItself() (all []end) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range p.ends {
		if e.code > 0 && e.life > startTime && !slices.Contains(p.pressed, i+1) {
			all = append(all, e)
		}
	}
	return all
}

func (p *process) started() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

// setenv gives a variable another value from the next start on.
func (p *process) setenv(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.env = append(p.env, name+"="+value) // of equal ones the last counts
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arm = o.String()
}

// order is what the fault points understand.
type order struct {
	Point  string `json:"point,omitzero"`
	Action string `json:"action"`
	Nth    int    `json:"nth,omitzero"`
	Millis int    `json:"millis,omitzero"`
}

// fault is what a process says when it has met it.
func (o order) fault() string { return o.Action + " at " + o.Point }

func (o order) String() string {
	text, _ := json.Marshal(o) // plain fields always marshal
	return string(text)
}

// tell gives an order to the running program, and learns what it has passed.
func (p *process) tell(o order) error {
	conn, err := net.DialTimeout("unix", p.sock, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	var hits map[string]int
	if err := errors.Join(json.NewEncoder(conn).Encode(o), json.NewDecoder(conn).Decode(&hits)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life = hits
	return nil
}

// passed returns how often the program is known to have passed each point, over all its lives.
func (p *process) passed() map[string]int {
	_ = p.tell(order{Action: "hits"}) // one that does not run has nothing to add
	p.mu.Lock()
	defer p.mu.Unlock()
	all := maps.Clone(p.hits)
	for point, n := range p.life {
		all[point] += n
	}
	return all
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

// canaries are words that may stand in the database only: what people wrote, their numbers, and secrets.
type canaries struct {
	mu    sync.Mutex
	words []string
}

func (c *canaries) add(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = append(c.words, words...)
}

// in returns a word that the text holds, or "".
func (c *canaries) in(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, word := range c.words {
		if strings.Contains(text, word) {
			return word
		}
	}
	return ""
}

// tail keeps the end of what a process prints.
type tail struct {
	secret *canaries

	mu     sync.Mutex
	text   []byte
	begun  []byte         // of the line that has no end yet: a panic is printed word by word
	bad    []string       // lines that no process may print
	crash  []string       // what followed the first of them that tells of a crash
	struck map[string]int // how often each fault struck, such as "kill at in.read", in its own words
}

func (o *tail) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun = append(o.begun, b...)
	if end := bytes.LastIndexByte(o.begun, '\n') + 1; end > 0 {
		for line := range strings.Lines(string(o.begun[:end])) {
			o.read(line)
		}
		o.begun = append(o.begun[:0], o.begun[end:]...)
	}
	if o.text = append(o.text, b...); len(o.text) > 64<<10 {
		o.text = bytes.Clone(o.text[len(o.text)-32<<10:])
	}
	return len(b), nil
}

// crashLines is how much is kept of what a crash prints: the first goroutine is the one that crashed.
const crashLines = 40

func (o *tail) read(line string) {
	if len(o.crash) > 0 && len(o.crash) < crashLines {
		o.crash = append(o.crash, line)
	}
	if fault, struck := strings.CutPrefix(line, "faultpoint: "); struck {
		o.struck[strings.TrimSpace(fault)]++
	} else if mayNotPrint(line, o.secret) {
		o.bad = append(o.bad, line)
		if len(o.crash) == 0 && o.secret.in(line) == "" {
			o.crash = append(o.crash, line)
		}
	}
}

// mayNotPrint recognizes crashes and secrets.
func mayNotPrint(line string, secret *canaries) bool {
	crash := strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.Contains(line, "DATA RACE")
	return crash && !strings.Contains(line, "faultpoint: ") || secret.in(line) != ""
}

func (o *tail) say(format string, args ...any) { _, _ = fmt.Fprintf(o, format+"\n", args...) }

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// lastLine returns what was printed last.
func (o *tail) lastLine() string {
	text := strings.TrimSpace(o.String())
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// findings returns the lines that it should not have printed.
func (o *tail) findings() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.bad...)
}

// trace returns the first crash with what followed it, or "".
func (o *tail) trace() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.crash, "")
}

// said counts a fault that another process told of.
func (o *tail) said(fault string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.struck[fault]++
}

func (o *tail) faults() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.struck)
}
