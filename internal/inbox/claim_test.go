package inbox_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestOneClaimWins lets 2 to 100 agents claim one conversation at once through two processes' pools.
func TestOneClaimWins(t *testing.T) {
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
	var agents []inbox.Actor
	for i := range 100 {
		agents = append(agents, acme.As(acme.Agent(fmt.Sprint("agent", i), inbox.RoleAgent), inbox.RoleAgent, account))
	}
	for _, n := range []int{2, 3, 10, 100} {
		conversation := acme.Conversation(account)
		input := inbox.ConversationInput{ConversationID: conversation}
		before := w.Int("SELECT count(*) FROM audit_log")
		start := make(chan struct{})
		results := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				<-start
				_, results[i] = processes[i%2].Claim(t.Context(), agents[i], input)
			})
		}
		close(start)
		wg.Wait()
		winner := -1
		for i, err := range results {
			if err == nil && winner >= 0 {
				t.Fatalf("%d claimers: both %d and %d won", n, winner, i)
			}
			if err == nil {
				winner = i
			}
		}
		if winner < 0 {
			t.Fatalf("%d claimers: nobody won: %v", n, results)
		}
		for i, err := range results {
			if i != winner && holderOf(err) != agents[winner].ID().String() {
				t.Errorf("%d claimers: a loser got %v, want ALREADY_CLAIMED with the winner", n, err)
			}
		}
		c, err := processes[0].Claim(t.Context(), agents[winner], input)
		if err != nil || !c.AssignedTo(agents[winner].ID()) {
			t.Errorf("the holder claims again: %v, %v", c, err)
		}
		if got := w.Int("SELECT count(*) FROM events WHERE conversation_id = $1 AND kind = 'CONVERSATION_ASSIGNED'", conversation); got != 1 {
			t.Errorf("%d claimers: %d events", n, got)
		}
		if got := w.Int("SELECT count(*) FROM audit_log") - before; got != 1 {
			t.Errorf("%d claimers: %d audit rows", n, got)
		}
	}
}

// holderOf returns the holder that an ALREADY_CLAIMED error names, or "".
func holderOf(err error) string {
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.AlreadyClaimed {
		return ""
	}
	holder, _ := known.Details["holder"].(map[string]any)
	id, _ := holder["id"].(string)
	if name, _ := holder["name"].(string); name == "" {
		return ""
	}
	return id
}

func TestReassignNeedsAnActiveAgent(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	conversation := acme.Conversation(acme.Account("main", nil))
	boss := acme.As(acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor)
	ada, gone := acme.Agent("ada", inbox.RoleAgent), acme.Agent("gone", inbox.RoleAgent)
	w.Exec("UPDATE agents SET status = 'DISABLED' WHERE id = $1", gone)
	stranger := w.Tenant("other").Agent("eve", inbox.RoleAgent)
	in := inbox.New(w.DB, time.Now)
	for _, id := range []uuid.UUID{gone, stranger, uuid.Nil} {
		_, err := in.Reassign(t.Context(), boss, inbox.ReassignInput{ConversationID: conversation, AgentID: id})
		var known *fault.Error
		if !errors.As(err, &known) || known.Code != fault.Invalid || known.Field != "agentId" {
			t.Errorf("reassign to %s: %v, want INVALID at agentId", id, err)
		}
	}
	for range 2 {
		c, err := in.Reassign(t.Context(), boss, inbox.ReassignInput{ConversationID: conversation, AgentID: ada})
		if err != nil || !c.AssignedTo(ada) {
			t.Fatalf("reassign: %v, %v", c, err)
		}
	}
	if n := w.Int("SELECT count(*) FROM events"); n != 1 {
		t.Errorf("reassigning twice to the same agent recorded %d events, want 1", n)
	}
}
