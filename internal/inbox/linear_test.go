package inbox_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// said is how a deed was answered.
type said struct {
	code fault.Code
	row  *row // as the answer shows the conversation; nil: it shows nothing
}

// register is the conversation as one after the other would find it: the mirror of the sequential property.
func register() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return fresh() },
		Step: func(state, input, output any) (bool, any) {
			m, s := state.(mirror), output.(said)
			if m.do(input.(deed)) != s.code {
				return false, state
			}
			return s.row == nil || *s.row == m.row(), m
		},
		Equal: func(one, other any) bool {
			return one.(mirror).row() == other.(mirror).row()
		},
	}
}

// TestClaimsAreLinearizable lets eight agents and timers do all that is done to one conversation through two processes, while its contact
// writes, and asks porcupine whether some order of one at a time explains every answer. (R30, R32, R33)
func TestClaimsAreLinearizable(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	processes := twoProcesses(t, w)
	w.Shift(2 * time.Minute) // every snooze of a minute is over for the database already
	agents := make([]inbox.Actor, 8)
	for i := range agents {
		role := []inbox.Role{inbox.RoleAgent, inbox.RoleSupervisor}[i%2]
		agents[i] = acme.As(acme.Agent(fmt.Sprint("agent", i), role), role, account)
	}
	seed := uint64(figure("PROPERTY_SEED", rand.Int()))
	t.Logf("PROPERTY_SEED=%d", seed)
	answered := map[string]int{}
	histories := figure("PROPERTY_HISTORIES", 20)
	for history := range histories {
		c := &chronicle{scene: newScene(acme, account), processes: processes, agents: agents, began: time.Now()}
		operations := c.write(t, seed, uint64(history))
		if got := porcupine.CheckOperationsTimeout(register(), operations, 30*time.Second); got != porcupine.Ok {
			t.Fatalf("history %d: %s\n%s", history, got, listing(operations))
		}
		for _, o := range operations {
			answered[fmt.Sprintf("%s %s", o.Input.(deed).op, o.Output.(said).code)]++
		}
	}
	t.Logf("answers: %v", answered)
	for _, op := range append(stateOperations(), opLook) {
		if answered[string(op)+" "] == 0 && histories >= 20 {
			t.Errorf("no history has a %s that succeeded", op)
		}
	}
}

// twoProcesses returns two processes of the product that share the world's database, each with its own pool.
func twoProcesses(t *testing.T, w *inboxtest.World) []process {
	t.Helper()
	second, err := db.Open(t.Context(), db.Config{URL: w.AppURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	ingest := inbox.NewIngest(inbox.IngestConfig{Store: second, Directory: second, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := ingest.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return []process{{inbox.New(w.DB, time.Now), w.Ingest()}, {inbox.New(second, time.Now), ingest}}
}

// chronicle writes down what happens to one conversation.
type chronicle struct {
	scene
	processes []process
	agents    []inbox.Actor
	began     time.Time

	mu         sync.Mutex
	operations []porcupine.Operation
}

// write lets everybody act at once and returns what they did. The contact is one more client than there are agents: messages of his that
// arrive together would share one change of the row, so he sends one after the other.
func (c *chronicle) write(t *testing.T, seed, history uint64) []porcupine.Operation {
	const deeds = 7
	var together sync.WaitGroup
	for client := range len(c.agents) + 1 {
		chance := rand.New(rand.NewPCG(seed, history*100+uint64(client)))
		together.Go(func() {
			seen := fresh().row()
			for range deeds {
				d := deed{op: inbox.OpInbound}
				if client < len(c.agents) {
					d = c.draw(chance, c.agents[client], seen)
				}
				if s := c.record(t, client, c.processes[chance.IntN(len(c.processes))], d); s.row != nil {
					seen = *s.row
				}
			}
		})
	}
	together.Wait()
	return c.operations
}

// draw chooses what an agent does who has last seen the conversation so.
func (c *chronicle) draw(chance *rand.Rand, actor inbox.Actor, seen row) deed {
	mix := []inbox.Operation{
		inbox.OpClaim, inbox.OpClaim, inbox.OpRelease, inbox.OpReassign, inbox.OpResolve, inbox.OpReopen, inbox.OpSnooze, inbox.OpWake, opLook, opLook,
	}
	d := deed{op: mix[chance.IntN(len(mix))], actor: actor}
	switch d.op {
	case inbox.OpReassign:
		d.to = c.agents[chance.IntN(len(c.agents))].ID()
	case inbox.OpResolve:
		if chance.IntN(2) == 0 {
			d.expected = &seen.lastSeq
		}
	case inbox.OpWake:
		d.gen = seen.gen
	}
	return d
}

func (c *chronicle) record(t *testing.T, client int, p process, d deed) (s said) {
	call := time.Since(c.began).Nanoseconds()
	found, err := c.perform(t.Context(), p, d)
	end := time.Since(c.began).Nanoseconds()
	if s.code = fault.CodeOf(err); found.ID == c.conversation {
		s.row = new(rowOf(found))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operations = append(c.operations, porcupine.Operation{ClientId: client, Input: d, Output: s, Call: call, Return: end})
	return s
}

// listing shows a history in the order in which its deeds began.
func listing(operations []porcupine.Operation) string {
	slices.SortFunc(operations, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var text strings.Builder
	for _, o := range operations {
		s := o.Output.(said)
		fmt.Fprintf(&text, "%9d to %9d µs: %s: %q", o.Call/1000, o.Return/1000, o.Input.(deed), s.code)
		if s.row != nil {
			fmt.Fprintf(&text, " %+v", *s.row)
		}
		text.WriteByte('\n')
	}
	return text.String()
}
