package inbox_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// opLook is reading the conversation, which no table of transitions needs to name.
const opLook inbox.Operation = "LOOK"

// deed is one thing that somebody does to a conversation.
type deed struct {
	op       inbox.Operation
	actor    inbox.Actor
	to       uuid.UUID // of a reassignment
	expected *int64    // of resolving: the newest message that was seen; nil: whatever has arrived
	gen      int64     // of a timer: whose snooze it ends
}

func (d deed) String() string {
	text := fmt.Sprintf("%s by %s (%s)", d.op, d.actor.ID(), d.actor.Role())
	switch {
	case d.op == inbox.OpReassign:
		text += fmt.Sprintf(" to %s", d.to)
	case d.op == inbox.OpWake:
		text += fmt.Sprintf(" of snooze %d", d.gen)
	case d.expected != nil:
		text += fmt.Sprintf(" who saw %d", *d.expected)
	}
	return text
}

// do does the deed to the mirror and returns how it must be answered.
func (m *mirror) do(d deed) fault.Code {
	switch d.op {
	case inbox.OpClaim:
		return m.claim(d.actor.ID())
	case inbox.OpRelease:
		return m.release(d.actor)
	case inbox.OpReassign:
		return m.reassign(d.actor, d.to)
	case inbox.OpResolve:
		return m.resolve(d.expected)
	case inbox.OpReopen:
		return m.reopen()
	case inbox.OpSnooze:
		return m.snooze()
	case inbox.OpWake:
		m.wake(d.gen)
	case inbox.OpInbound:
		m.receive()
	}
	return ""
}

// scene is one conversation, and how to reach it.
type scene struct {
	tenant       *inboxtest.Tenant
	account      uuid.UUID
	conversation uuid.UUID
	phone        string
}

func newScene(tenant *inboxtest.Tenant, account uuid.UUID) scene {
	conversation := tenant.Conversation(account)
	return scene{tenant: tenant, account: account, conversation: conversation, phone: tenant.PhoneOf(conversation)}
}

// process is what one process of the product offers.
type process struct {
	in     *inbox.Inbox
	ingest *inbox.Ingest
}

// perform does the deed to the product. The conversation it returns has no id when the deed was refused, or tells nothing about it.
func (s scene) perform(ctx context.Context, p process, d deed) (c inbox.Conversation, err error) {
	target := inbox.ConversationInput{ConversationID: s.conversation}
	switch d.op {
	case inbox.OpClaim:
		c, err = p.in.Claim(ctx, d.actor, target)
	case inbox.OpRelease:
		c, err = p.in.Release(ctx, d.actor, target)
	case inbox.OpReassign:
		c, err = p.in.Reassign(ctx, d.actor, inbox.ReassignInput{ConversationID: s.conversation, AgentID: d.to})
	case inbox.OpResolve:
		c, err = p.in.Resolve(ctx, d.actor, inbox.ResolveInput{ConversationID: s.conversation, ExpectedLastSeq: d.expected})
	case inbox.OpReopen:
		c, err = p.in.Reopen(ctx, d.actor, target)
	case inbox.OpSnooze:
		c, err = p.in.Snooze(ctx, d.actor, inbox.SnoozeInput{ConversationID: s.conversation, Until: time.Now().Add(61 * time.Second)})
	case inbox.OpWake:
		_, err = p.in.Wake(ctx, s.tenant.ID, s.conversation, d.gen)
	case inbox.OpInbound:
		err = p.ingest.Ingest(ctx, []inbox.Request{inboxtest.Text(s.account, s.phone, "more")})[0]
	case opLook:
		c, err = p.in.Conversation(ctx, d.actor, s.conversation)
	default:
		err = fmt.Errorf("nobody knows how to do %s", d.op)
	}
	if err != nil {
		return inbox.Conversation{}, err
	}
	return c, nil
}

// row is what everybody sees of a conversation.
type row struct {
	status  inbox.Status
	holder  uuid.UUID
	version int64
	lastSeq int64
	inbound int64
	gen     int64
}

func (m mirror) row() row {
	return row{status: m.status, holder: m.holder, version: m.version, lastSeq: m.lastSeq, inbound: m.inbound, gen: m.gen}
}

func rowOf(c inbox.Conversation) row {
	r := row{status: c.Status, version: c.Version, lastSeq: c.LastSeq, inbound: c.InboundCount, gen: c.SnoozeGen}
	if c.AssigneeID != nil {
		r.holder = *c.AssigneeID
	}
	return r
}

// stateOperations are the operations that change what a row says; markRead and send change other rows and have tests of their own.
func stateOperations() []inbox.Operation {
	return []inbox.Operation{
		inbox.OpClaim, inbox.OpRelease, inbox.OpReassign, inbox.OpResolve, inbox.OpReopen, inbox.OpSnooze, inbox.OpWake, inbox.OpInbound,
	}
}
