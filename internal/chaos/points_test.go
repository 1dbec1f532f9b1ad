package chaos

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// point is a fault point, and who passes it.
type point struct {
	name  string
	by    who
	rare  bool // the first passing is the one
	fails bool // who passes it heeds an error
}

type who int

const (
	byServe    who = iota
	byWork         // while it works
	byStart        // when it has just started to work
	byLapse        // while it works, long after somebody else died
	byOperator     // a command
)

// points are all that the product has. Of those in the plan there is no spool, no fallback and no later claim of what came in.
func points() []point {
	return []point{
		{name: "in.read"}, {name: "in.verified"}, {name: "in.apply", fails: true}, {name: "in.insert", fails: true},
		{name: "in.park", fails: true, rare: true}, {name: "in.commit", fails: true}, {name: "in.applied_commit"},
		{name: "in.before_200"}, {name: "in.after_200"},
		{name: "mut.begin", fails: true}, {name: "mut.commit", fails: true}, {name: "mut.after_commit"}, {name: "mut.enqueue"},
		{name: "sub.register"}, {name: "sub.history", fails: true, rare: true}, {name: "sub.drain"}, {name: "sub.write"},
		{name: "out.claim", by: byWork, fails: true}, {name: "out.attempt_commit", by: byWork}, {name: "out.ratelimit", by: byWork, fails: true},
		{name: "out.before_call", by: byWork}, {name: "out.after_call", by: byWork}, {name: "out.result_commit", by: byWork, fails: true},
		{name: "out.event", by: byWork}, {name: "rec.apply", by: byLapse, fails: true, rare: true},
		{name: "snooze.fire", by: byWork, fails: true, rare: true}, {name: "snooze.commit", by: byWork, fails: true, rare: true},
		{name: "sweep.select", by: byStart, fails: true}, {name: "sweep.enqueue", by: byStart}, {name: "out.decrypt", by: byStart},
		{name: "mig.each_statement", by: byOperator, fails: true}, {name: "rot.rewrap", by: byOperator, fails: true},
	}
}

// strike is a fault at a point, and the one of those who pass it that meets it.
type strike struct {
	at     point
	order  order
	victim int
}

// strikeOf tells what the n-th fault of K1 is: nothing but the seed decides. Each point has its turn, from where the dice say; of three turns
// of a point two kill, and the third brings an error, a panic or a delay.
func strikeOf(seed uint64, n, spared int) strike {
	d, all := newDice(seed, fmt.Sprint("strike ", n)), points()
	i, round := (newDice(seed, "first point").n(len(all))+n)%len(all), n/len(all)
	if all[i].by == byOperator && (round%4 > 0 || spared > 0) { // they take as long as ten others, and a restart of everybody
		i = d.n(len(all) - 2)
	}
	at := all[i]
	s := strike{at: at, victim: d.n(2 - spared), order: order{Point: at.name, Action: actionAt(at, i+round), Nth: 1 + d.n(6)}}
	switch {
	case at.name == "mig.each_statement":
		s.order.Nth = 1 + d.n(90) // of some 90 statements
	case at.name == "rot.rewrap":
		s.order.Nth = 1 + d.n(2) // one value a tenant
	case at.rare, at.by == byStart:
		s.order.Nth = 1
	case strings.HasPrefix(at.name, "sub."):
		s.order.Nth = 1 + s.order.Nth%3
	}
	switch beside := at.name == "in.after_200" || at.name == "out.event"; {
	case s.order.Action == "delay":
		s.order.Millis = 50 + d.n(1000)
	case s.order.Action == "kill" && beside:
		s.order.Millis = 1 + d.n(20) // beside what goes on
	}
	return s
}

// actionAt returns what a turn brings. A command has nobody who starts it again after a panic, and waits for nobody.
func actionAt(at point, turn int) string {
	if turn%3 < 2 {
		return "kill"
	}
	action := []string{"error", "panic", "delay"}[turn/3%3]
	switch {
	case at.by == byOperator && at.fails:
		return "error"
	case action == "error" && !at.fails:
		return "delay"
	}
	return action
}

// strikeAtPoint has a process meet a fault at a point, the n-th time it is passed. Whoever ends is started again by the service manager.
func strikeAtPoint(w *world, n int) {
	s := strikeOf(w.seed, n, w.spared)
	w.random.say("%s, victim %d", s.order, s.victim)
	w.ordered[s.at.name]++
	w.actions[s.order.Action]++
	switch {
	case s.at.by == byStart:
		w.strikeAtStart(w.work[w.spared+s.victim], s.order)
	case s.at.by == byLapse:
		w.strikeLater(s.order)
	case s.at.name == "mig.each_statement":
		w.strikeMigration(s.order)
	case s.at.by == byOperator:
		w.strikeRewrap(s.order)
	case s.at.by == byWork:
		w.strikeThere(w.work[w.spared+s.victim], s.order)
	default:
		w.strikeThere(w.serve[w.spared+s.victim], s.order)
	}
}

func (w *world) strikeThere(p *process, o order) {
	before, struck := p.started(), p.out.faults()[o.fault()]
	var err error
	if !within(10*time.Second, func() bool { err = p.tell(o); return err == nil }) {
		w.t.Errorf("%s: %v", p.name, err)
	}
	ended := func() bool { return p.started() > before }
	met := func() bool { return ended() || o.Action != "kill" && p.out.faults()[o.fault()] > struck }
	if !within(4*time.Second, met) {
		_ = p.tell(order{Action: "clear", Point: o.Point}) // not passed often enough; if it ends just now, so be it
		w.random.say("not met")
	}
	if o.Action == "panic" {
		within(time.Second, ended) // or whoever met it has caught it
	}
	w.eventually(p.name+" is back", patience, p.ready)
}

// strikeAtStart kills a process that works, and has it meet the fault when it is just coming back.
func (w *world) strikeAtStart(p *process, o order) {
	p.armNext(o)
	before, struck := p.started(), p.out.faults()[o.fault()]
	p.signal(syscall.SIGKILL)
	within(6*time.Second, func() bool {
		return p.started() >= before+2 || o.Action != "kill" && p.out.faults()[o.fault()] > struck
	})
	w.eventually(p.name+" is back", patience, p.ready)
}

// strikeLater has those who work meet a fault whenever it is: now or after their next start. A lease lapses a minute after its holder died,
// or when the clock is put forward at rest.
func (w *world) strikeLater(o order) {
	for _, p := range w.work[w.spared:] {
		_ = p.tell(o) // one that is down meets it after its start
		p.armNext(o)
	}
}

// strikeMigration ends a migration of a database of its own in the middle, and has two at once finish it: it must be what the installation's
// is.
func (w *world) strikeMigration(o order) {
	if err := w.exec("CREATE DATABASE migrated"); err != nil {
		w.t.Fatal(err)
	}
	target := "MIGRATE_DATABASE_URL=" + w.postgres().URL("migrated")
	w.endCommand(o, []string{target}, "migrate")
	other := make(chan error)
	go func() { _, err := w.try("", []string{target}, "migrate"); other <- err }()
	if out, err := w.try("", []string{target}, "migrate"); err != nil {
		w.t.Errorf("a migration that was ended at its statement %d cannot be finished: %v: %s", o.Nth, err, out)
	}
	if err := <-other; err != nil {
		w.t.Errorf("of two migrations at once: %v", err)
	}
	if got, want := w.schema("migrated"), w.schema("switchboard"); got != want || got == "" {
		w.t.Errorf("a migration that was ended at its statement %d made another schema:\n%s\nwant:\n%s", o.Nth, got, want)
	}
	if err := w.exec("DROP DATABASE migrated WITH (FORCE)"); err != nil {
		w.t.Error(err)
	}
}

// schema returns what pg_dump says about a database's schema.
func (w *world) schema(database string) string {
	dump, err := embedded.PostgresTool(context.Background(), "pg_dump", "--schema-only", "--dbname="+w.postgres().URL(database))
	if err != nil {
		w.t.Error(err)
		return ""
	}
	dump.Env = append(dump.Env, "PGOPTIONS=-c lock_timeout=30s")
	text, err := dump.Output()
	if err != nil {
		w.t.Errorf("pg_dump of %s: %v", database, err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `\`) { // a key that pg_dump draws anew each time
			// Where two migrate at once, the sequence of goose's own table may get the next name: Postgres avoids one that is not committed yet.
			kept = append(kept, strings.ReplaceAll(line, "goose_db_version_id_seq1", "goose_db_version_id_seq"))
		}
	}
	return strings.Join(kept, "")
}

// strikeRewrap changes the key that seals credentials, ends the sealing in the middle, and finishes it, while everything goes on.
func (w *world) strikeRewrap(o order) {
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
	w.endCommand(o, nil, "secrets", "rewrap")
	if out, err := w.try("", nil, "secrets", "rewrap"); err != nil {
		w.t.Errorf("a sealing that was ended cannot be finished: %v: %s", err, out)
	}
	current, _, _ := strings.Cut(w.keks[0], ":")
	if out := w.command("", "secrets", "rewrap"); !regexp.MustCompile(`(?m)^sealed anew +0$`).MatchString(out) {
		w.t.Errorf("after sealing everything under %s there was more to seal: %s", current, out)
	}
}

// endCommand runs a command that meets a fault at a point.
func (w *world) endCommand(o order, env []string, args ...string) {
	out, err := w.try("", append([]string{"FAULT_ARM=" + o.String()}, env...), args...)
	if err != nil && strings.Contains(out, "faultpoint: "+o.fault()) {
		w.vendor.out.said(o.fault()) // the commands have no place of their own
	} else if err != nil {
		w.t.Errorf("%v: %v: %s", args, err, out)
	}
}

// passed returns for each point how often a fault was ordered there, and how often it is known to have been passed.
func (w *world) passed() map[string][2]int {
	all := map[string][2]int{}
	struck := w.struck()
	for _, at := range points() {
		n := struck["kill at "+at.name] // a life that ended so cannot be asked
		if at.by == byOperator {        // and a command never
			n += struck["error at "+at.name]
		}
		all[at.name] = [2]int{w.ordered[at.name], n}
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

// met returns for each action how often a fault was ordered at a point, and how often one struck.
func (w *world) met(struck map[string]int) map[string][2]int {
	all := map[string][2]int{}
	for action, n := range w.actions {
		all[action] = [2]int{n, 0}
	}
	for fault, n := range struck {
		action, _, _ := strings.Cut(fault, " ")
		all[action] = [2]int{all[action][0], all[action][1] + n}
	}
	return all
}

// struck returns how often each fault struck, in the words of whom it struck.
func (w *world) struck() map[string]int {
	all := map[string]int{}
	for _, p := range w.processes() {
		for fault, n := range p.out.faults() {
			all[fault] += n
		}
	}
	return all
}
