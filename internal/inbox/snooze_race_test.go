package inbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestSnoozesEndOnce snoozes a conversation and lets timers, its contact and agents race for what comes next, as they are drawn: who, in which
// process, how late, and with the timer of this snooze or of the one before. 100 series of up to 32 deeds, or as many as -rapid.checks and
// PROPERTY_STEPS say, about 8 to a snooze. A race that fails may end otherwise when rapid repeats it; its history is printed with it. (R32)
func TestSnoozesEndOnce(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	processes := twoProcesses(t, w)
	w.Shift(2 * time.Minute) // every snooze of a minute is over for the database already
	agents := []inbox.Actor{
		acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account), acme.As(acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor),
	}
	longest := max(figure("PROPERTY_STEPS", 32)/8, 1)
	checks := 0
	woken := map[inbox.Cause]int{}
	rapid.Check(t, func(r *rapid.T) {
		race := &snoozeRace{rung: map[int64]bool{}, chronicle: &chronicle{
			scene: newScene(acme, account), processes: processes, agents: agents, began: time.Now(),
		}}
		for range length(r, longest) {
			race.run(t, r)
		}
		if got := porcupine.CheckOperationsTimeout(register(), race.operations, 30*time.Second); got != porcupine.Ok {
			r.Fatalf("%s\n%s", got, listing(race.operations))
		}
		race.episodes(r, &world{Database: w.Database, t: t}, woken)
		checks++
	})
	t.Logf("woken by %v", woken)
	for _, cause := range []inbox.Cause{inbox.CauseTimer, inbox.CauseInbound, inbox.CauseAgent} {
		if woken[cause] == 0 && checks >= 100 {
			t.Errorf("in %d series nothing was woken by %s", checks, cause)
		}
	}
}

// snoozeRace is one conversation that is snoozed again and again.
type snoozeRace struct {
	*chronicle
	rung     map[int64]bool // the snoozes whose timers rang
	reopened int            // by agents
}

// rival is one who takes part in a race: what he does, where, and after how many looks.
type rival struct {
	deed
	process process
	late    int
}

// run snoozes the conversation and lets the race for its end begin.
func (s *snoozeRace) run(t *testing.T, r *rapid.T) {
	boss := s.agents[1]
	if s.alone(t, deed{op: opLook, actor: boss}).row.status == inbox.StatusResolved {
		s.alone(t, deed{op: inbox.OpReopen, actor: boss})
		s.reopened++
	}
	snoozed := s.alone(t, deed{op: inbox.OpSnooze, actor: boss})
	if snoozed.row == nil {
		r.Fatalf("it cannot be snoozed: %s", snoozed.code)
	}
	rivals := s.rivals(r, snoozed.row.gen)
	starts := make([]func() error, len(rivals))
	answers := make([]said, len(rivals))
	for i, one := range rivals {
		starts[i] = func() error {
			for range one.late {
				s.record(t, i+1, one.process, deed{op: opLook, actor: boss})
			}
			answers[i] = s.record(t, i+1, one.process, one.deed)
			return nil
		}
	}
	together(starts...)
	for i, one := range rivals {
		if one.op == inbox.OpReopen && answers[i].code == "" {
			s.reopened++
		}
	}
	s.alone(t, deed{op: opLook, actor: boss})
}

// alone does a deed while nobody else does any.
func (s *snoozeRace) alone(t *testing.T, d deed) said { return s.record(t, 0, s.processes[0], d) }

// rivals draws who takes part. The contact writes once at most: messages of his that arrive together share one change of the row.
func (s *snoozeRace) rivals(r *rapid.T, gen int64) []rival {
	pool := []inbox.Operation{inbox.OpWake, inbox.OpWake, inbox.OpInbound, inbox.OpReopen, inbox.OpResolve, inbox.OpSnooze}
	rivals := make([]rival, rapid.IntRange(2, 5).Draw(r, "rivals"))
	wrote := false
	for i := range rivals {
		one := rival{
			process: s.processes[rapid.IntRange(0, 1).Draw(r, "process")], late: rapid.IntRange(0, 3).Draw(r, "late"),
			deed: deed{op: rapid.SampledFrom(pool).Draw(r, "op"), actor: s.agents[rapid.IntRange(0, 1).Draw(r, "agent")]},
		}
		if one.op == inbox.OpInbound && wrote {
			one.op = inbox.OpWake
		}
		wrote = wrote || one.op == inbox.OpInbound
		if one.op == inbox.OpWake {
			one.gen = gen - rapid.Int64Range(0, 1).Draw(r, "old")
			s.rung[one.gen] = true
		}
		rivals[i] = one
	}
	return rivals
}

// episodes walks through the conversation's events: what is woken was snoozed, by a timer only if its own has rung, and each reopening that an
// agent was told of is there once. It adds the causes to woken.
func (s *snoozeRace) episodes(r *rapid.T, db *world, woken map[inbox.Cause]int) {
	var gen int64
	snoozed, byAgents := false, 0
	lines := many[string](db, "SELECT kind || ' ' || coalesce(cause, '') FROM events WHERE conversation_id = $1 ORDER BY seq", s.conversation)
	for i, line := range lines {
		kind, name, _ := strings.Cut(line, " ")
		cause := inbox.Cause(name)
		switch inbox.EventKind(kind) {
		case inbox.EventConversationSnoozed:
			snoozed = true
			gen++
		case inbox.EventConversationResolved:
			snoozed = false
		case inbox.EventConversationWoken:
			if !snoozed || cause == inbox.CauseTimer && !s.rung[gen] {
				r.Fatalf("event %d of %q: the end of snooze %d by %s, which is over or was not rung for\n%s", i, lines, gen, cause, listing(s.operations))
			}
			snoozed = false
			woken[cause]++
		}
		if cause == inbox.CauseAgent {
			byAgents++
		}
	}
	if byAgents != s.reopened {
		r.Fatalf("agents were told of %d reopenings, the events tell of %d: %s", s.reopened, byAgents, fmt.Sprint(lines))
	}
}
