package chaos

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopLimit is how long a process may take from SIGTERM to its end.
const stopLimit = 30 * time.Second

// end is how a life of the program ended.
type end struct {
	life   time.Duration // how long it had lived
	at     time.Time
	code   int    // -1: by a signal
	killed bool   // by SIGKILL
	told   string // what the system says
	words  string // what it printed last
}

// stop is the order to one life of a process to end.
type stop struct {
	p        *process
	life     int // which one, from 1
	began    time.Time
	insisted bool // it was told twice, and may end at once, as a failure
	forced   bool // it was killed when it had not ended in time
}

// terminate tells the life that runs now to end.
func (p *process) terminate() *stop {
	_ = p.tell(order{Action: "clear"}) // of an earlier fault; one that does not answer has no order either
	return p.stopNow()
}

// stopNow tells it so, whatever fault it has still to meet.
func (p *process) stopNow() *stop {
	p.mu.Lock()
	s := &stop{p: p, life: p.starts, began: time.Now()}
	p.mu.Unlock()
	s.signal(syscall.SIGTERM)
	return s
}

// signal reaches that life only, never the one that follows.
func (s *stop) signal(which syscall.Signal) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.p.cmd != nil && s.p.starts == s.life && len(s.p.ends) < s.life {
		_ = s.p.cmd.Process.Signal(which) // it may end just now
	}
}

// insist tells that life once more, so that it may end at once, as a failure.
func (s *stop) insist() {
	s.p.mu.Lock()
	s.insisted = true
	s.p.pressed = append(s.p.pressed, s.life)
	s.p.mu.Unlock()
	s.signal(syscall.SIGTERM)
}

// over returns how that life ended, when it has.
func (s *stop) over() (end, bool) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if len(s.p.ends) < s.life {
		return end{}, false
	}
	return s.p.ends[s.life-1], true
}

func (s *stop) isOver() bool { _, over := s.over(); return over }

// complaint returns what is wrong with the end of a process that was told to stop, or "".
func (s *stop) complaint() string {
	e, over := s.over()
	took := e.at.Sub(s.began).Round(time.Millisecond)
	switch {
	case !over:
		return fmt.Sprintf("%s does not stop", s.p.name)
	case took > stopLimit:
		return fmt.Sprintf("%s took %v to stop", s.p.name, took)
	case e.code == 0, s.forced && e.killed, s.insisted && e.code == 1:
		return ""
	}
	return fmt.Sprintf("%s was told to stop, and %v later it ended with: %s", s.p.name, took, e.told)
}

// The manners in which K7 ends processes.
const (
	once    = "TERM"
	twice   = "TERM twice"
	rolling = "TERM in turn"
	storm   = "TERM to all"
	forced  = "TERM, then KILL"
)

// mannerOf returns the manner of a cycle; the ones that take long have few.
func mannerOf(n int) string {
	return []string{once, forced, twice, rolling, storm, once, forced, twice, once, forced}[n%10]
}

// slownessOf returns how late the provider answers in a cycle: mostly not at all, so that 500 cycles take 25 minutes. The strides have no
// factor in common with the manners', so that each meets each. 20 s are more than a call may take.
func slownessOf(n int) time.Duration {
	switch {
	case n%126 == 60:
		return 20 * time.Second
	case n%13 == 1:
		return 8 * time.Second
	case n%13 == 2:
		return time.Second
	}
	return 0
}

// terminate ends processes as service managers do, with a provider that answers at once or late: nothing may come of it. Each ends by
// itself, in time and without a failure, unless it was told twice or killed in the end.
func terminate(w *world, n int) {
	manner, slow, all := mannerOf(n), slownessOf(n), w.victims()
	w.done[fmt.Sprintf("%s at %v", manner, slow)]++
	one := all[n%len(all)]
	if slow > 0 {
		one = all[len(all)/2+n/2%(len(all)/2)] // who calls the provider
		w.ask("PUT", w.vendorURL()+"/api/settings", map[string]any{"answerAfter": slow.Milliseconds()}, nil)
		w.linger(time.Second, 2*time.Second) // for calls to be under way
	}
	switch manner {
	case once:
		w.stopped(one.terminate())
	case twice:
		s := one.terminate()
		w.linger(0, 2*time.Second) // within half a second it is taken for an echo
		s.insist()
		w.stopped(s)
	case rolling:
		for _, p := range all {
			w.stopped(p.terminate())
		}
	case storm:
		var stops []*stop
		for _, p := range all {
			stops = append(stops, p.terminate())
		}
		w.stopped(stops...)
	case forced:
		s := one.terminate()
		if s.forced = !within(5*time.Second, s.isOver); s.forced {
			s.signal(syscall.SIGKILL)
		}
		w.stopped(s)
	}
	if slow > 0 {
		w.ask("PUT", w.vendorURL()+"/api/settings", map[string]any{"answerAfter": 0}, nil)
	}
	w.linger(100*time.Millisecond, 500*time.Millisecond)
}

// stopped waits until the processes have ended and are back, and judges how they ended.
func (w *world) stopped(stops ...*stop) {
	w.t.Helper()
	for _, s := range stops {
		within(2*stopLimit, s.isOver)
		if complaint := s.complaint(); complaint != "" {
			w.t.Error(complaint)
		}
		if e, _ := s.over(); e.killed {
			w.done["killed in the end"]++
		} else if e.code != 0 {
			w.done["ended at once"]++
		}
	}
	for _, s := range stops {
		w.eventually(s.p.name+" is back", patience, s.p.ready)
	}
}

// A process that is told to stop is heard of when it fails, dies or takes too long, and only then.
func TestStopIsJudged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		order  func(*stop)
		says   string
	}{
		"in order":         {script: `trap "exit 0" TERM`},
		"as a failure":     {script: `trap "exit 3" TERM`, says: "ended with: exit status 3"},
		"killed by it":     {script: `true`, says: "ended with: signal: terminated"},
		"not at all":       {script: `trap "" TERM`, says: "sh does not stop"},
		"forced":           {script: `trap "" TERM`, order: func(s *stop) { s.forced = true; s.signal(syscall.SIGKILL) }},
		"killed by others": {script: `trap "" TERM`, order: func(s *stop) { s.signal(syscall.SIGKILL) }, says: "ended with: signal: killed"},
		"told twice":       {script: `trap "exit 1" TERM`, order: (*stop).insist},
		"too late":         {script: `trap "exit 0" TERM`, order: func(s *stop) { s.began = s.began.Add(-2 * stopLimit) }, says: "sh took 1m0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := t.TempDir() + "/ready"
			p := &process{name: "sh", path: "/bin/sh", secret: &canaries{}, env: []string{"PATH=" + os.Getenv("PATH")}}
			p.args = []string{"-c", c.script + `; touch ` + ready + `; while :; do sleep 0.02; done`}
			p.run()
			defer p.close()
			if !within(time.Minute, func() bool { _, err := os.Stat(ready); return err == nil && p.started() > 0 }) {
				t.Fatal("it does not start")
			}
			s := p.terminate()
			if c.order != nil {
				c.order(s)
			}
			if c.says != "sh does not stop" && !within(time.Minute, s.isOver) {
				t.Fatal("it does not end")
			}
			if said := s.complaint(); !strings.Contains(said, c.says) || c.says == "" && said != "" {
				t.Errorf("it says %q, want %q", said, c.says)
			}
		})
	}
}

// Within 130 cycles each manner meets a provider that answers at once and one that is 1 s and 8 s late, and few are late.
func TestMannersMeetSlowness(t *testing.T) {
	t.Parallel()
	met, late := map[string]bool{}, time.Duration(0)
	for n := range 500 {
		if n < 130 {
			met[fmt.Sprint(mannerOf(n), slownessOf(n))] = true
		}
		late += slownessOf(n)
	}
	for _, manner := range []string{once, twice, rolling, storm, forced} {
		for _, slow := range []time.Duration{0, time.Second, 8 * time.Second} {
			if !met[fmt.Sprint(manner, slow)] {
				t.Errorf("%s never meets an answer that is %v late", manner, slow)
			}
		}
	}
	if late > 8*time.Minute {
		t.Errorf("500 cycles are late by %v in all, want 8 min at most", late)
	}
}
