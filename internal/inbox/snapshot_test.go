package inbox_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestQueriesAndTheirCursorAreOneSnapshot queries while agents write: what a page shows of a conversation is exactly what the events up
// to its cursor say.
func TestQueriesAndTheirCursorAreOneSnapshot(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	boss := acme.As(acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor)
	in := inbox.New(w.DB, time.Now)
	var ids []uuid.UUID
	for range 4 {
		ids = append(ids, acme.Conversation(account))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for _, id := range ids {
		writers.Go(func() {
			for ctx.Err() == nil {
				input := inbox.ConversationInput{ConversationID: id}
				_, claimed := in.Claim(ctx, boss, input)
				_, released := in.Release(ctx, boss, input)
				if err := errors.Join(claimed, released); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	type seen struct {
		inbox.ConversationEdge
		seq int64
	}
	var pages []seen
	moved := map[int64]bool{}
	for len(moved) < 25 {
		page, err := in.Conversations(t.Context(), boss, inbox.ConversationFilter{}, 10, "", inbox.Beside{})
		if err != nil {
			t.Fatal(err)
		}
		moved[page.Cursor.Seq] = true
		for _, e := range page.Edges {
			pages = append(pages, seen{e, page.Cursor.Seq})
		}
		counts, cursor, err := in.ConversationCounts(t.Context(), boss, inbox.ConversationFilter{})
		if err != nil || counts.All != 4 || counts.Mine+counts.Unassigned != 4 || cursor.Seq < page.Cursor.Seq {
			t.Fatalf("counts %+v at %d after %d, %v", counts, cursor.Seq, page.Cursor.Seq, err)
		}
	}
	stop()
	writers.Wait()
	for _, p := range pages {
		version := w.Int("SELECT coalesce(max(version), 2) FROM events WHERE conversation_id = $1 AND seq <= $2", p.Node.ID, p.seq)
		if p.Node.Version != version {
			t.Fatalf("at cursor %d the page shows version %d, the events say %d", p.seq, p.Node.Version, version)
		}
	}
}

func TestMessagesArePagedBothWays(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account)
	in := inbox.New(w.DB, time.Now)
	conversation, other := acme.Conversation(account), acme.Conversation(account)
	for range 22 {
		acme.Inbound(conversation, "more")
	}
	get := func(input inbox.MessagePageInput) ([]int64, inbox.MessagePage) {
		t.Helper()
		page, err := in.Messages(t.Context(), ada, conversation, input)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []int64
		for _, e := range page.Edges {
			seqs = append(seqs, e.Node.Seq)
		}
		return seqs, page
	}
	var forwards, backwards []int64
	for input := (inbox.MessagePageInput{First: new(5)}); ; {
		seqs, page := get(input)
		if page.HasPrevious != (len(forwards) > 0) {
			t.Errorf("after %d: hasPrevious %v", len(forwards), page.HasPrevious)
		}
		forwards = append(forwards, seqs...)
		if !page.HasNext {
			break
		}
		input.After = &page.Edges[len(seqs)-1].Cursor
	}
	for input := (inbox.MessagePageInput{Last: new(5)}); ; {
		seqs, page := get(input)
		if page.HasNext != (len(backwards) > 0) {
			t.Errorf("before %d: hasNext %v", len(backwards), page.HasNext)
		}
		backwards = append(slices.Clone(seqs), backwards...)
		if !page.HasPrevious {
			break
		}
		input.Before = &page.Edges[0].Cursor
	}
	newest, page := get(inbox.MessagePageInput{})
	for name, got := range map[string][]int64{"forwards": forwards, "backwards": backwards, "newest": newest} {
		if len(got) != 23 || got[0] != 1 || got[22] != 23 || !slices.IsSorted(got) {
			t.Errorf("%s: %v, want 1 to 23", name, got)
		}
	}
	end := page.Edges[22].Cursor
	if seqs, last := get(inbox.MessagePageInput{First: new(5), After: &end}); len(seqs) != 0 || last.HasNext || !last.HasPrevious {
		t.Errorf("after the end: %v, %v", seqs, last)
	}
	bad := "AAAA"
	for name, input := range map[string]inbox.MessagePageInput{
		"both ways": {First: new(1), Last: new(1)}, "none": {First: new(0)}, "too many": {Last: new(101)}, "broken": {First: new(1), After: &bad},
		"mixed": {Last: new(1), After: &end},
	} {
		if _, err := in.Messages(t.Context(), ada, conversation, input); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want INVALID", name, err)
		}
	}
	if _, err := in.Messages(t.Context(), ada, other, inbox.MessagePageInput{First: new(1), After: &end}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a place of another conversation: %v, want INVALID", err)
	}
	pages, err := in.MessagesOf(t.Context(), ada, []uuid.UUID{conversation, other, inboxtest.NewID()}, inbox.MessagePageInput{Last: new(2)})
	if err != nil || len(pages) != 2 || len(pages[conversation].Edges) != 2 || len(pages[other].Edges) != 1 {
		t.Errorf("pages of two conversations at once: %d, %v", len(pages), err)
	}
}

func TestContactsAreSeenThroughConversations(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	sales, support := acme.Team("sales"), acme.Team("support")
	mine, theirs := acme.Account("s", &sales), acme.Account("h", &support)
	ada := acme.As(acme.Agent("ada", inbox.RoleAgent, sales), inbox.RoleAgent, mine)
	boss := acme.As(acme.Agent("boss", inbox.RoleAdmin), inbox.RoleAdmin)
	key := inbox.APIKeyActor(acme.ID, inboxtest.NewID(), []inbox.Scope{inbox.ScopeSend})
	in := inbox.New(w.DB, time.Now)
	contactOf := func(conversation uuid.UUID) uuid.UUID {
		return one[uuid.UUID](&world{Database: w.Database, t: t}, "SELECT contact_id FROM conversations WHERE id = $1", conversation)
	}
	seen, unseen, assigned := contactOf(acme.Conversation(mine)), contactOf(acme.Conversation(theirs)), acme.Conversation(theirs)
	w.Exec("UPDATE conversations SET assignee_id = $1 WHERE id = $2", ada.ID(), assigned)
	for name, try := range map[string]struct {
		actor inbox.Actor
		id    uuid.UUID
		want  fault.Code
	}{
		"on his account": {ada, seen, ""}, "assigned to him": {ada, contactOf(assigned), ""}, "on another account": {ada, unseen, fault.NotFound},
		"absent": {ada, inboxtest.NewID(), fault.NotFound}, "for an admin": {boss, unseen, ""}, "for a sending key": {key, seen, fault.NotFound},
		"without conversation": {boss, acme.Contact("Kim", "+4930123"), fault.NotFound},
	} {
		c, err := in.Contact(t.Context(), try.actor, try.id)
		if fault.CodeOf(err) != try.want || err == nil && (c.ID != try.id || len(c.Identities) != 1) {
			t.Errorf("a contact %s: %v, %v; want %q", name, c, err, try.want)
		}
	}
	accounts, err := in.ChannelAccounts(t.Context(), ada)
	if err != nil || len(accounts) != 1 || accounts[0].ID != mine {
		t.Errorf("his channel accounts: %v, %v", accounts, err)
	}
	viewer, err := in.Viewer(t.Context(), ada)
	if err != nil || viewer.Agent.Name != "ada" || viewer.Tenant.Slug != "acme" || len(viewer.Teams) != 1 || viewer.Teams[0].ID != sales {
		t.Errorf("viewer: %+v, %v", viewer, err)
	}
	w.Exec("UPDATE agents SET status = 'DISABLED' WHERE id = $1", ada.ID())
	if _, err := in.Viewer(t.Context(), ada); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a disabled viewer: %v", err)
	}
	if agents, err := in.Agents(t.Context(), boss); err != nil || len(agents) != 1 || agents[0].Name != "boss" {
		t.Errorf("active agents: %v, %v", agents, err)
	}
}

func TestReplyWindow(t *testing.T) {
	t.Parallel()
	wrote := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	closes := wrote.Add(24 * time.Hour)
	for name, try := range map[string]struct {
		last *time.Time
		ch   inbox.Channel
		now  time.Time
		want inbox.ReplyWindow
	}{
		"just written":   {&wrote, inbox.ChannelWhatsApp, wrote, inbox.ReplyWindow{Open: true, ClosesAt: &closes, Reason: inbox.WindowOpen}},
		"last moment":    {&wrote, inbox.ChannelWhatsApp, closes.Add(-1), inbox.ReplyWindow{Open: true, ClosesAt: &closes, Reason: inbox.WindowOpen}},
		"closing moment": {&wrote, inbox.ChannelWhatsApp, closes, inbox.ReplyWindow{ClosesAt: &closes, Reason: inbox.WindowExpired}},
		"never":          {nil, inbox.ChannelWhatsApp, wrote, inbox.ReplyWindow{Reason: inbox.WindowNeverStarted}},
		"no window":      {nil, inbox.ChannelEmail, wrote, inbox.ReplyWindow{Open: true, Reason: inbox.WindowUnlimited}},
	} {
		c := inbox.Conversation{LastInboundAt: try.last}
		got := c.ReplyWindow(try.ch, try.now)
		same := got.Open == try.want.Open && got.Reason == try.want.Reason && (got.ClosesAt == nil) == (try.want.ClosesAt == nil)
		if !same || got.ClosesAt != nil && !got.ClosesAt.Equal(*try.want.ClosesAt) {
			t.Errorf("%s: %+v, want %+v", name, got, try.want)
		}
	}
	if seq := int64(math.MaxInt64); (&inbox.Conversation{LastSeq: 3}).CheckLastSeq(&seq) == nil {
		t.Error("a number that no message has was accepted")
	}
}
