package inbox_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// deed is what one agent asks of a conversation, and said how it was answered.
type (
	deed struct {
		op    string
		agent uuid.UUID
		to    uuid.UUID
		boss  bool
	}
	said struct {
		code   fault.Code
		holder uuid.UUID // of a read
	}
)

// register is the conversation as one agent after the other would find it: who holds it.
func register() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return uuid.Nil },
		Step: func(state, input, output any) (bool, any) {
			holder, d, s := state.(uuid.UUID), input.(deed), output.(said)
			switch d.op {
			case "read":
				return s.holder == holder, holder
			case "claim":
				if holder == uuid.Nil || holder == d.agent {
					return s.code == "", d.agent
				}
				return s.code == fault.AlreadyClaimed, holder
			case "reassign":
				return s.code == "", d.to
			}
			if holder == d.agent || d.boss { // release
				return s.code == "", uuid.Nil
			}
			return s.code != "", holder
		},
	}
}

// TestClaimsAreLinearizable lets eight agents claim, release, reassign and read one conversation through two pools, and asks porcupine
// whether some order of one at a time explains every answer. (R30)
func TestClaimsAreLinearizable(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	second, err := db.Open(t.Context(), db.Config{URL: w.AppURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	processes := []*inbox.Inbox{inbox.New(w.DB, time.Now), inbox.New(second, time.Now)}
	const clients, deeds = 8, 7
	histories := figure("PROPERTY_HISTORIES", 20)
	agents := make([]inbox.Actor, clients)
	for i := range agents {
		role := []inbox.Role{inbox.RoleAgent, inbox.RoleSupervisor}[i%2]
		agents[i] = acme.As(acme.Agent(fmt.Sprint("agent", i), role), role, account)
	}
	for history := range histories {
		conversation := acme.Conversation(account)
		var mu sync.Mutex
		var operations []porcupine.Operation
		var together sync.WaitGroup
		began := time.Now()
		for i, actor := range agents {
			together.Go(func() {
				for range deeds {
					d := deed{op: []string{"claim", "claim", "release", "read", "reassign"}[rand.N(4+i%2)], agent: actor.ID(), to: agents[rand.N(clients)].ID(), boss: i%2 == 1}
					call := time.Since(began).Nanoseconds()
					s := linearDeed(t, processes[rand.N(2)], actor, conversation, d)
					mu.Lock()
					operations = append(operations, porcupine.Operation{ClientId: i, Input: d, Output: s, Call: call, Return: time.Since(began).Nanoseconds()})
					mu.Unlock()
				}
			})
		}
		together.Wait()
		if got := porcupine.CheckOperationsTimeout(register(), operations, 30*time.Second); got != porcupine.Ok {
			t.Fatalf("history %d of %d operations: %s\n%+v", history, len(operations), got, operations)
		}
	}
}

func linearDeed(t *testing.T, in *inbox.Inbox, actor inbox.Actor, conversation uuid.UUID, d deed) (s said) {
	ctx, target := t.Context(), inbox.ConversationInput{ConversationID: conversation}
	var c inbox.Conversation
	var err error
	switch d.op {
	case "claim":
		_, err = in.Claim(ctx, actor, target)
	case "release":
		_, err = in.Release(ctx, actor, target)
	case "reassign":
		_, err = in.Reassign(ctx, actor, inbox.ReassignInput{ConversationID: conversation, AgentID: d.to})
	default:
		if c, err = in.Conversation(ctx, actor, conversation); err == nil && c.AssigneeID != nil {
			s.holder = *c.AssigneeID
		}
	}
	s.code = fault.CodeOf(err)
	return s
}
