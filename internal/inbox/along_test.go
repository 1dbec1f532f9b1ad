package inbox_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// What a changed conversation points to is read by the transaction that changes it, as it is after the change; also for a call that is repeated.
// Nothing is handed over of a change that failed, or when nothing was wanted.
func TestWhatAnAnswerNeedsComesWithTheChange(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	team := acme.Team("sales")
	account := acme.Account("main", &team)
	ada, bob := acme.Agent("ada", inbox.RoleSupervisor, team), acme.Agent("bob", inbox.RoleAgent, team)
	boss := acme.As(ada, inbox.RoleSupervisor, account)
	id := acme.Conversation(account)
	var begun atomic.Int64
	opened, err := db.Open(t.Context(), db.Config{URL: w.AppURL, Log: slog.New(slog.DiscardHandler), Statement: func(sql string) {
		if strings.HasPrefix(sql, "begin") {
			begun.Add(1)
		}
	}})
	must(t, err)
	t.Cleanup(opened.Close)
	in := inbox.New(opened, time.Now)
	all := inbox.Beside{Contacts: true, Identities: true, Accounts: true, Assignees: true, Teams: true}
	var taken []*inbox.Snapshot
	along := inbox.Along{Want: all, Take: func(s *inbox.Snapshot) { taken = append(taken, s) }}
	call := inbox.ConversationInput{ConversationID: id, Key: "claim", Along: along}
	reassign := inbox.ReassignInput{ConversationID: id, AgentID: bob, Along: along}
	for _, step := range []struct {
		what   string
		do     func(context.Context) (inbox.Conversation, error)
		holder uuid.UUID
	}{
		{"claim", func(ctx context.Context) (inbox.Conversation, error) { return in.Claim(ctx, boss, call) }, ada},
		{"reassign", func(ctx context.Context) (inbox.Conversation, error) { return in.Reassign(ctx, boss, reassign) }, bob},
		{"the claim repeated", func(ctx context.Context) (inbox.Conversation, error) { return in.Claim(ctx, boss, call) }, bob},
		{"reassign to the same", func(ctx context.Context) (inbox.Conversation, error) { return in.Reassign(ctx, boss, reassign) }, bob},
		{"snooze", func(ctx context.Context) (inbox.Conversation, error) {
			return in.Snooze(ctx, boss, inbox.SnoozeInput{ConversationID: id, Until: time.Now().Add(time.Hour), Along: along})
		}, bob},
		{"reopen", func(ctx context.Context) (inbox.Conversation, error) {
			return in.Reopen(ctx, boss, inbox.ConversationInput{ConversationID: id, Along: along})
		}, bob},
		{"release", func(ctx context.Context) (inbox.Conversation, error) {
			return in.Release(ctx, boss, inbox.ConversationInput{ConversationID: id, Along: along})
		}, uuid.Nil},
		{"resolve", func(ctx context.Context) (inbox.Conversation, error) {
			return in.Resolve(ctx, boss, inbox.ResolveInput{ConversationID: id, Along: along})
		}, uuid.Nil},
	} {
		taken = nil
		begun.Store(0)
		c, err := step.do(t.Context())
		must(t, err)
		if len(taken) != 1 || begun.Load() != 1 {
			t.Fatalf("%s: %d snapshots of %d transactions, want one of one", step.what, len(taken), begun.Load())
		}
		sameBeside(t, step.what, in, boss, c, taken[0])
		if held := c.AssigneeID != nil; held != (step.holder != uuid.Nil) || held && taken[0].Agents[step.holder] == nil {
			t.Errorf("%s: held by %v, with %v", step.what, c.AssigneeID, taken[0].Agents)
		}
	}
	taken = nil
	_, err = in.Claim(t.Context(), boss, inbox.ConversationInput{ConversationID: id, Along: along})
	if !fault.Is(err, fault.Conflict) || taken != nil {
		t.Errorf("a claim that failed: %v, with %v", err, taken)
	}
	_, err = in.Reopen(t.Context(), boss, inbox.ConversationInput{ConversationID: id, Along: inbox.Along{Take: along.Take}})
	if err != nil || taken != nil {
		t.Errorf("nothing was wanted: %v, with %v", err, taken)
	}
}

// sameBeside compares a snapshot with what the reads by id tell.
func sameBeside(t *testing.T, what string, in *inbox.Inbox, actor inbox.Actor, c inbox.Conversation, got *inbox.Snapshot) {
	t.Helper()
	contacts, err := in.ContactsOf(t.Context(), actor, []uuid.UUID{c.ContactID})
	must(t, err)
	sameRows(t, got.Contacts, contacts, func(c inbox.Contact) uuid.UUID { return c.ID })
	accounts, err := in.ChannelAccountsOf(t.Context(), actor, []uuid.UUID{c.ChannelAccountID})
	must(t, err)
	sameRows(t, got.Accounts, accounts, func(a inbox.ChannelAccount) uuid.UUID { return a.ID })
	teams, err := in.TeamsOf(t.Context(), actor, []uuid.UUID{*c.TeamID})
	must(t, err)
	sameRows(t, got.Teams, teams, func(t inbox.Team) uuid.UUID { return t.ID })
	if c.AssigneeID == nil {
		if len(got.Agents) != 0 {
			t.Errorf("%s: nobody holds it, and there is %v", what, got.Agents)
		}
		return
	}
	agents, err := in.AgentsOf(t.Context(), actor, []uuid.UUID{*c.AssigneeID})
	must(t, err)
	sameRows(t, got.Agents, agents, func(a inbox.Agent) uuid.UUID { return a.ID })
}
