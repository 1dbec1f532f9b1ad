package inbox_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestPolicyMatrix asks for every role, operation and relation to a conversation, and compares with the answers written out here.
func TestPolicyMatrix(t *testing.T) {
	t.Parallel()
	const yes, no, hidden = fault.Code(""), fault.Forbidden, fault.NotFound
	tenant, me, other := inbox.TenantOf(inboxtest.NewID()), inboxtest.NewID(), inboxtest.NewID()
	mine, foreign := inboxtest.NewID(), inboxtest.NewID()
	relations := []inbox.Conversation{
		{ChannelAccountID: mine, AssigneeID: &me},       // own, on an account of his
		{ChannelAccountID: foreign, AssigneeID: &me},    // own, elsewhere
		{ChannelAccountID: mine, AssigneeID: &other},    // a colleague's
		{ChannelAccountID: mine},                        // nobody's
		{ChannelAccountID: foreign, AssigneeID: &other}, // unseen
		{ChannelAccountID: foreign},                     // unseen, nobody's
	}
	all := [6]fault.Code{yes, yes, yes, yes, yes, yes}
	none := [6]fault.Code{no, no, no, no, no, no}
	seen := [6]fault.Code{yes, yes, yes, yes, hidden, hidden}
	agent := map[inbox.Operation][6]fault.Code{
		inbox.OpClaim: seen, inbox.OpResolve: seen, inbox.OpReopen: seen, inbox.OpSnooze: seen, inbox.OpSend: seen, inbox.OpMarkRead: seen,
		inbox.OpReassign: {no, no, no, no, hidden, hidden},
		inbox.OpRelease:  {yes, yes, no, no, hidden, hidden},
		inbox.OpWake:     {no, no, no, no, hidden, hidden},
		inbox.OpInbound:  {no, no, no, no, hidden, hidden},
	}
	above := map[inbox.Operation][6]fault.Code{inbox.OpWake: none, inbox.OpInbound: none}
	nobody := map[inbox.Operation][6]fault.Code{}
	for _, op := range inbox.Operations() {
		nobody[op] = none
		if _, ok := above[op]; !ok {
			above[op] = all
		}
	}
	actors := map[string]struct {
		inbox.Actor
		want map[inbox.Operation][6]fault.Code
	}{
		"agent":       {inbox.AgentActor(tenant, me, me, inbox.RoleAgent, []uuid.UUID{mine}), agent},
		"supervisor":  {inbox.AgentActor(tenant, me, me, inbox.RoleSupervisor, nil), above},
		"admin":       {inbox.AgentActor(tenant, me, me, inbox.RoleAdmin, nil), above},
		"sending key": {inbox.APIKeyActor(tenant, me, []inbox.Scope{inbox.ScopeSend}), nobody},
		"reading key": {inbox.APIKeyActor(tenant, me, []inbox.Scope{inbox.ScopeRead}), nobody},
		"contact":     {inbox.PersonActor(tenant, me), nobody},
		"no actor":    {inbox.Actor{}, nobody},
	}
	for name, actor := range actors {
		for _, op := range inbox.Operations() {
			for i, c := range relations {
				want, ok := actor.want[op]
				if !ok {
					t.Fatalf("%s has no answer for %s: write it down", name, op)
				}
				if got := fault.CodeOf(inbox.Permit(actor.Actor, op, &c)); got != want[i] {
					t.Errorf("%s, %s, relation %d: %q, want %q", name, op, i, got, want[i])
				}
			}
		}
	}
}

// TestUnseenIsAsAbsent does every operation to a conversation that the agent does not see and to one that does not exist.
func TestUnseenIsAsAbsent(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	sales, support := acme.Team("sales"), acme.Team("support")
	account := acme.Account("support", &support)
	hidden := acme.Conversation(account)
	message := acme.Inbound(hidden, "secret")
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent, sales), inbox.RoleAgent)
	in := inbox.New(w.DB, time.Now)
	ctx := t.Context()
	calls := map[string]func(id uuid.UUID) error{
		"claim": func(id uuid.UUID) error {
			_, err := in.Claim(ctx, ada, inbox.ConversationInput{ConversationID: id})
			return err
		},
		"release": func(id uuid.UUID) error {
			_, err := in.Release(ctx, ada, inbox.ConversationInput{ConversationID: id})
			return err
		},
		"reopen": func(id uuid.UUID) error {
			_, err := in.Reopen(ctx, ada, inbox.ConversationInput{ConversationID: id})
			return err
		},
		"reassign": func(id uuid.UUID) error {
			_, err := in.Reassign(ctx, ada, inbox.ReassignInput{ConversationID: id, AgentID: ada.ID()})
			return err
		},
		"resolve": func(id uuid.UUID) error {
			_, err := in.Resolve(ctx, ada, inbox.ResolveInput{ConversationID: id})
			return err
		},
		"snooze": func(id uuid.UUID) error {
			_, err := in.Snooze(ctx, ada, inbox.SnoozeInput{ConversationID: id, Until: time.Now().Add(time.Hour)})
			return err
		},
		"mark read": func(id uuid.UUID) error {
			_, _, err := in.MarkRead(ctx, ada, inbox.MarkReadInput{ConversationID: id, UpToMessageID: message})
			return err
		},
		"conversation": func(id uuid.UUID) error { _, err := in.Conversation(ctx, ada, id); return err },
		"messages":     func(id uuid.UUID) error { _, err := in.Messages(ctx, ada, id, inbox.MessagePageInput{}); return err },
	}
	events := w.Int("SELECT count(*) FROM events")
	for name, call := range calls {
		unseen, absent := call(hidden), call(inboxtest.NewID())
		if !fault.Is(unseen, fault.NotFound) || absent == nil || unseen.Error() != absent.Error() {
			t.Errorf("%s: unseen %v, absent %v; want the same NOT_FOUND", name, unseen, absent)
		}
	}
	if n := w.Int("SELECT count(*) FROM events") - events; n != 0 {
		t.Errorf("%d events were recorded", n)
	}
}
