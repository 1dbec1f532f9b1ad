package inbox_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// TestUnreadIsWhatIsCounted lets contacts write and agents answer, read and resolve in two conversations at once, as they are drawn; then what is
// served as unread is counted again from the messages and from what each agent was told he has read. 100 series of up to 24 deeds by
// six at once, or as many as -rapid.checks and PROPERTY_STEPS say. (R34)
func TestUnreadIsWhatIsCounted(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	u := &unreadRace{world: &world{Database: w.Database, t: t}, tenant: acme, processes: twoProcesses(t, w), out: outbound.New(w.DB.Outbound(), outbound.Config{})}
	for i := range 3 {
		u.agents = append(u.agents, acme.As(acme.Agent(fmt.Sprint("agent", i), inbox.RoleAgent), inbox.RoleAgent, account))
	}
	longest := max(figure("PROPERTY_STEPS", 24)/6, 1)
	rapid.Check(t, func(r *rapid.T) {
		u.scenes, u.told = []scene{newScene(acme, account), newScene(acme, account)}, map[reader]int64{}
		plans := [6][]unreadDeed{}
		for i := range plans {
			for range length(r, longest) {
				plans[i] = append(plans[i], drawUnread(r))
			}
		}
		var together sync.WaitGroup
		for i, plan := range plans {
			together.Go(func() {
				for _, d := range plan {
					u.perform(u.processes[i%2], d)
				}
			})
		}
		together.Wait()
		u.recount(r)
	})
}

// unreadRace is two conversations of which three agents read, and which message each was told he has read.
type unreadRace struct {
	*world
	tenant    *inboxtest.Tenant
	processes []process
	out       *outbound.Outbound
	agents    []inbox.Actor
	scenes    []scene

	mu   sync.Mutex
	told map[reader]int64
}

type reader struct{ agent, conversation uuid.UUID }

type unreadDeed struct {
	op    inbox.Operation
	agent int
	where int
	back  int // of reading: how many messages before the newest
}

func drawUnread(r *rapid.T) unreadDeed {
	return unreadDeed{
		op: rapid.SampledFrom([]inbox.Operation{
			inbox.OpInbound, inbox.OpInbound, inbox.OpSend, inbox.OpMarkRead, inbox.OpMarkRead, inbox.OpResolve, inbox.OpReopen,
		}).Draw(r, "op"),
		agent: rapid.IntRange(0, 2).Draw(r, "agent"), where: rapid.IntRange(0, 1).Draw(r, "where"), back: rapid.IntRange(0, 3).Draw(r, "back"),
	}
}

// perform does the deed. That another was first, so that it is refused, is part of the race.
func (u *unreadRace) perform(p process, d unreadDeed) {
	s, actor := u.scenes[d.where], u.agents[d.agent]
	var err error
	switch d.op {
	case inbox.OpSend:
		_, err = u.out.SendMessage(u.t.Context(), actor, outbound.SendMessageInput{ConversationID: s.conversation, Text: new("an answer")})
	case inbox.OpMarkRead:
		err = u.markRead(p, s, actor, d.back)
	default:
		_, err = s.perform(u.t.Context(), p, deed{op: d.op, actor: actor})
	}
	if err != nil && !fault.Is(err, fault.Conflict) {
		u.t.Errorf("%s: %v", d.op, err)
	}
}

// markRead reads up to a message that is there now.
func (u *unreadRace) markRead(p process, s scene, actor inbox.Actor, back int) error {
	page, err := p.in.Messages(u.t.Context(), actor, s.conversation, inbox.MessagePageInput{Last: new(back + 1)})
	if err != nil {
		return err
	}
	shown := page.Edges[0].Node
	_, _, err = p.in.MarkRead(u.t.Context(), actor, inbox.MarkReadInput{ConversationID: s.conversation, UpToMessageID: shown.ID})
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	key := reader{actor.ID(), s.conversation}
	u.told[key] = max(u.told[key], shown.Seq)
	return nil
}

// recount compares what is served with the messages themselves.
func (u *unreadRace) recount(r *rapid.T) {
	viewers, conversations := make([]inbox.Visibility, len(u.agents)), make([]uuid.UUID, len(u.scenes))
	for i, a := range u.agents {
		viewers[i] = a.Visibility()
	}
	for i, s := range u.scenes {
		conversations[i] = s.conversation
	}
	served, _, err := u.processes[0].in.UnreadOf(u.t.Context(), u.tenant.ID, viewers, conversations)
	if err != nil {
		r.Fatal(err)
	}
	for i, a := range u.agents {
		for _, s := range u.scenes {
			seq := u.told[reader{a.ID(), s.conversation}]
			want := one[int64](u.world, "SELECT count(*) FROM messages WHERE conversation_id = $1 AND direction = 'INBOUND' AND seq > $2", s.conversation, seq)
			if got := served[i].ByConversation[s.conversation]; got != want {
				r.Fatalf("agent %d who has read up to %d is told of %d unread messages, there are %d", i, seq, got, want)
			}
		}
		// The badge counts every series so far, of each of which the cursors are kept.
		badge := one[int64](u.world, `SELECT count(*) FROM conversations c WHERE EXISTS (SELECT FROM messages m
			LEFT JOIN read_cursors k ON k.conversation_id = c.id AND k.agent_id = $1
			WHERE m.conversation_id = c.id AND m.direction = 'INBOUND' AND m.seq > coalesce(k.seq, 0))`, a.ID())
		if served[i].Conversations != badge {
			r.Fatalf("agent %d has a badge of %d, %d conversations have unread messages", i, served[i].Conversations, badge)
		}
	}
}
