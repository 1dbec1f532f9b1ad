package chaos

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// point is a fault point, and who passes it.
type point struct {
	name string
	by   who
	rare bool // the first passing is the one
}

type who int

const (
	byServe    who = iota
	byWork         // while it works
	byStart        // when it has just started to work
	byOperator     // a command
)

// points are all that the product has. Of those in the plan, in.park is none: the provider tells our id with every receipt, so that none
// waits for its message; and there is no spool, no fallback and no later claim of what came in.
func points() []point {
	return []point{
		{name: "in.read"}, {name: "in.verified"}, {name: "in.apply"}, {name: "in.insert"}, {name: "in.commit"}, {name: "in.applied_commit"},
		{name: "in.before_200"}, {name: "in.after_200"},
		{name: "mut.begin"}, {name: "mut.commit"}, {name: "mut.after_commit"}, {name: "mut.enqueue"},
		{name: "sub.register"}, {name: "sub.history", rare: true}, {name: "sub.drain"}, {name: "sub.write"},
		{name: "out.claim", by: byWork}, {name: "out.attempt_commit", by: byWork}, {name: "out.ratelimit", by: byWork},
		{name: "out.before_call", by: byWork}, {name: "out.after_call", by: byWork}, {name: "out.result_commit", by: byWork},
		{name: "out.event", by: byWork}, {name: "snooze.fire", by: byWork, rare: true}, {name: "snooze.commit", by: byWork, rare: true},
		{name: "sweep.select", by: byStart}, {name: "sweep.enqueue", by: byStart}, {name: "out.decrypt", by: byStart},
		{name: "mig.each_statement", by: byOperator}, {name: "rot.rewrap", by: byOperator},
	}
}

// killAtPoint kills a process at a point, the n-th time it is passed. The service manager starts it again. Each point has its turn, from
// where the dice say; where and when is the dice's choice.
func killAtPoint(w *world, n int) {
	if n == 0 {
		w.offset = w.random.n(len(points()))
	}
	at := points()[(w.offset+n)%len(points())]
	round := n / len(points())
	if at.by == byOperator && (round%4 > 0 || w.spared > 0) { // they take as long as ten others, and a restart of everybody
		at = points()[w.random.n(len(points())-2)]
	}
	o := order{Point: at.name, Action: "kill", Nth: 1 + w.random.n(6)}
	switch {
	case at.rare:
		o.Nth = 1
	case strings.HasPrefix(at.name, "sub."):
		o.Nth = 1 + o.Nth%3
	case at.name == "in.after_200", at.name == "out.event":
		o.Millis = 1 + w.random.n(20) // beside what goes on
	}
	w.ordered[at.name]++
	switch {
	case at.by == byStart:
		w.killAtStart(o)
	case at.name == "mig.each_statement":
		w.killMigration(o)
	case at.by == byOperator:
		w.killRewrap(o)
	case at.by == byWork:
		w.killThere(w.victim(w.work), o)
	default:
		w.killThere(w.victim(w.serve), o)
	}
}

func (w *world) killThere(p *process, o order) {
	before := p.started()
	if err := p.tell(o); err != nil {
		w.t.Errorf("%s: %v", p.name, err)
	}
	if !within(4*time.Second, func() bool { return p.started() > before }) {
		_ = p.tell(order{Action: "clear"}) // not passed often enough; if it ends just now, so be it
	}
	w.eventually(p.name+" is back", patience, p.ready)
}

// killAtStart kills a process that works, and once more at the point when it is just coming back.
func (w *world) killAtStart(o order) {
	p := w.victim(w.work)
	o.Nth = 1
	p.armNext(o)
	before := p.started()
	p.signal(syscall.SIGKILL)
	within(6*time.Second, func() bool { return p.started() >= before+2 })
	w.eventually(p.name+" is back", patience, p.ready)
}

// killMigration kills a migration of a database of its own in the middle, and has two at once finish it: it must be what the installation's
// is.
func (w *world) killMigration(o order) {
	o.Nth = 1 + w.random.n(90) // of some 90 statements
	if err := w.exec("CREATE DATABASE migrated"); err != nil {
		w.t.Fatal(err)
	}
	target := "MIGRATE_DATABASE_URL=" + w.postgres().URL("migrated")
	w.killCommand(o, []string{target}, "migrate")
	other := make(chan error)
	go func() { _, err := w.try("", []string{target}, "migrate"); other <- err }()
	if out, err := w.try("", []string{target}, "migrate"); err != nil {
		w.t.Errorf("a migration that was killed at its statement %d cannot be finished: %v: %s", o.Nth, err, out)
	}
	if err := <-other; err != nil {
		w.t.Errorf("of two migrations at once: %v", err)
	}
	if got, want := w.schema("migrated"), w.schema("switchboard"); got != want || got == "" {
		w.t.Errorf("a migration that was killed at its statement %d made another schema:\n%s\nwant:\n%s", o.Nth, got, want)
	}
	if err := w.exec("DROP DATABASE migrated WITH (FORCE)"); err != nil {
		w.t.Error(err)
	}
}

// schema returns what pg_dump says about a database's schema.
func (w *world) schema(database string) string {
	dump := exec.Command("pg_dump", "--schema-only", "--dbname="+w.postgres().URL(database))
	dump.Env = append(os.Environ(), "PGOPTIONS=-c lock_timeout=30s")
	text, err := dump.Output()
	if err != nil {
		w.t.Errorf("pg_dump of %s: %v", database, err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `\`) { // a key that pg_dump draws anew each time
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// killRewrap changes the key that seals credentials, kills the sealing in the middle, and finishes it, while everything goes on.
func (w *world) killRewrap(o order) {
	o.Nth = 1 + w.random.n(len(w.tenants)) // one value a tenant
	w.keks = []string{newKey(w.ordered[o.Point] + 1), w.keks[0]}
	keks := strings.Join(w.keks, ",")
	for _, p := range append(append([]*process{}, w.serve...), w.work...) {
		before := p.started()
		p.setenv("SWITCHBOARD_KEKS", keks)
		p.signal(syscall.SIGTERM)
		w.eventually(p.name+" has stopped", patience, func() bool { return p.started() > before })
		w.eventually(p.name+" is back", patience, p.ready)
	}
	w.setting = append(w.setting, "SWITCHBOARD_KEKS="+keks)
	w.killCommand(o, nil, "secrets", "rewrap")
	if out, err := w.try("", nil, "secrets", "rewrap"); err != nil {
		w.t.Errorf("a sealing that was killed cannot be finished: %v: %s", err, out)
	}
	current, _, _ := strings.Cut(w.keks[0], ":")
	if out := w.command("", "secrets", "rewrap"); !regexp.MustCompile(`(?m)^sealed anew +0$`).MatchString(out) {
		w.t.Errorf("after sealing everything under %s there was more to seal: %s", current, out)
	}
}

// killCommand runs a command that is killed at a point.
func (w *world) killCommand(o order, env []string, args ...string) {
	out, err := w.try("", append([]string{"FAULT_ARM=" + o.String()}, env...), args...)
	if err != nil && strings.Contains(out, "faultpoint: kill at "+o.Point) {
		w.vendor.out.said(o.Point) // the commands have no place of their own
	} else if err != nil {
		w.t.Errorf("%v: %v: %s", args, err, out)
	}
}

// passed returns for each point how often a kill was ordered there, and how often it is known to have been passed.
func (w *world) passed() map[string][2]int {
	all := map[string][2]int{}
	killed := w.killed()
	for _, at := range points() {
		all[at.name] = [2]int{w.ordered[at.name], killed[at.name]}
	}
	for _, p := range w.processes() {
		for name, n := range p.passed() {
			counted := all[name]
			counted[1] += n
			all[name] = counted
		}
	}
	return all
}

// killed returns how often a process said that it was killed at a point.
func (w *world) killed() map[string]int {
	all := map[string]int{}
	for _, p := range w.processes() {
		for name, n := range p.out.kills() {
			all[name] += n
		}
	}
	return all
}
