package inbox_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// mirror is what one conversation must be after a series of operations, written without locks, SQL or the table.
type mirror struct {
	status   inbox.Status
	holder   uuid.UUID
	version  int64
	lastSeq  int64
	inbound  int64
	gen      int64
	read     map[uuid.UUID]int64 // how many INBOUND messages each agent has read
	events   int64               // about the conversation
	expected inbox.EventKind     // the last of them
}

// machine drives one conversation and its mirror.
type machine struct {
	process
	scene
	w      *inboxtest.World
	agents []inbox.Actor
	m      mirror
}

// TestConversationsFollowTheModel runs random operations against the database and against the mirror: 100 series of up to 16, or as many as
// -rapid.checks and PROPERTY_STEPS say.
func TestConversationsFollowTheModel(t *testing.T) {
	t.Parallel()
	longest := figure("PROPERTY_STEPS", 16)
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	s := machine{
		process: process{inbox.New(w.DB, time.Now), w.Ingest()}, w: w, agents: []inbox.Actor{
			acme.As(acme.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, account), acme.As(acme.Agent("bob", inbox.RoleAgent), inbox.RoleAgent, account),
			acme.As(acme.Agent("boss", inbox.RoleSupervisor), inbox.RoleSupervisor),
		},
	}
	w.Shift(2 * time.Minute) // a snooze of a minute is over for the database at once
	rapid.Check(t, func(r *rapid.T) {
		run := s
		run.scene = newScene(acme, account)
		run.m = fresh()
		for range length(r, longest) {
			run.step(t, r)
			run.check(t, r)
		}
		run.replay(t, r)
	})
}

func (s *machine) step(t *testing.T, r *rapid.T) {
	d := deed{op: rapid.SampledFrom(append(stateOperations(), inbox.OpMarkRead)).Draw(r, "op"), actor: rapid.SampledFrom(s.agents).Draw(r, "agent")}
	switch d.op {
	case inbox.OpMarkRead:
		s.markRead(t, r, d.actor)
		return
	case inbox.OpReassign:
		d.to = rapid.SampledFrom(s.agents).Draw(r, "to").ID()
	case inbox.OpResolve:
		d.expected = new(s.m.lastSeq - rapid.Int64Range(0, 1).Draw(r, "behind"))
	case inbox.OpWake:
		d.gen = s.m.gen - rapid.Int64Range(0, 1).Draw(r, "old")
	}
	want := s.m.do(d)
	if _, err := s.perform(t.Context(), s.process, d); fault.CodeOf(err) != want {
		r.Fatalf("%s was answered %v, want %q", d, err, want)
	}
}

func (s *machine) markRead(t *testing.T, r *rapid.T, actor inbox.Actor) {
	seq := rapid.Int64Range(1, s.m.lastSeq).Draw(r, "seq") // every message is INBOUND here, so seq is its inbound number
	id := one[uuid.UUID](&world{Database: s.w.Database, t: t}, "SELECT id FROM messages WHERE conversation_id = $1 AND seq = $2", s.conversation, seq)
	_, unread, err := s.in.MarkRead(t.Context(), actor, inbox.MarkReadInput{ConversationID: s.conversation, UpToMessageID: id})
	if seq > s.m.read[actor.ID()] {
		s.m.read[actor.ID()] = seq
		s.m.happened(inbox.EventReadCursorMoved)
	}
	if err != nil || unread != s.m.inbound-s.m.read[actor.ID()] {
		r.Fatalf("unread %d, %v; want %d", unread, err, s.m.inbound-s.m.read[actor.ID()])
	}
}

// length draws how long a series is. Every other one is as long as may be, because rapid prefers small numbers; a short one that fails is easier
// to read, and rapid looks for it.
func length(r *rapid.T, longest int) int {
	if rapid.Bool().Draw(r, "long") {
		return longest
	}
	return rapid.IntRange(1, longest).Draw(r, "steps")
}

// figure returns the number in an environment variable; otherwise the usual one.
func figure(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// check compares the row, and what each agent has not read, with the mirror.
func (s *machine) check(t *testing.T, r *rapid.T) {
	c, err := s.in.Conversation(t.Context(), s.agents[2], s.conversation)
	if err != nil {
		r.Fatal(err)
	}
	same := rowOf(c) == s.m.row() && (c.SnoozedUntil != nil) == (c.Status == inbox.StatusSnoozed) &&
		(c.ResolvedAtSeq != nil) == (c.Status == inbox.StatusResolved)
	if !same {
		r.Fatalf("the row is %+v, the model %+v", c, s.m)
	}
	viewers := make([]inbox.Visibility, len(s.agents))
	for i, a := range s.agents {
		viewers[i] = a.Visibility()
	}
	unread, _, err := s.in.UnreadOf(t.Context(), s.tenant.ID, viewers, []uuid.UUID{s.conversation})
	if err != nil {
		r.Fatal(err)
	}
	for i, a := range s.agents {
		if got, want := unread[i].ByConversation[s.conversation], s.m.inbound-s.m.read[a.ID()]; got != want {
			r.Fatalf("agent %d has %d unread messages, the model %d", i, got, want)
		}
	}
}

// replay compares the events, taken together from the first, with the mirror: each begins where the one before it ended.
func (s *machine) replay(t *testing.T, r *rapid.T) {
	db := &world{Database: s.w.Database, t: t}
	events := one[int64](db, "SELECT count(*) FROM events WHERE conversation_id = $1", s.conversation)
	if events != s.m.events {
		r.Fatalf("%d events, the model %d", events, s.m.events)
	}
	broken := one[int64](db, `SELECT count(*) FROM (
		SELECT status_before, assignee_before, lag(status_after) OVER w AS status, lag(assignee_after) OVER w AS assignee, row_number() OVER w AS no
		FROM events WHERE conversation_id = $1 AND status_after IS NOT NULL WINDOW w AS (ORDER BY seq)) e
		WHERE no > 1 AND (status_before IS DISTINCT FROM status OR assignee_before IS DISTINCT FROM assignee)`, s.conversation)
	if broken != 0 {
		r.Fatalf("%d events do not begin where the one before ended", broken)
	}
	if s.m.events == 0 {
		return
	}
	last := one[string](db, "SELECT kind || coalesce(' ' || status_after, '') FROM events WHERE conversation_id = $1 ORDER BY seq DESC LIMIT 1", s.conversation)
	want := string(s.m.expected) + " " + string(s.m.status)
	if s.m.expected == inbox.EventReadCursorMoved {
		want = string(s.m.expected) // who reads says nothing of the conversation's state
	}
	if last != want {
		r.Fatalf("the last event is %s, the model says %s", last, want)
	}
}
