package inbox_test

import (
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// fresh is the mirror of a conversation that inboxtest has made.
func fresh() mirror {
	return mirror{status: inbox.StatusOpen, version: 2, lastSeq: 1, inbound: 1, read: map[uuid.UUID]int64{}}
}

func (m *mirror) happened(kind inbox.EventKind) {
	m.events++
	m.expected = kind
}

func (m *mirror) changed(kind inbox.EventKind) {
	m.version++
	m.happened(kind)
}

func (m *mirror) claim(agent uuid.UUID) fault.Code {
	switch {
	case m.status != inbox.StatusOpen:
		return fault.Conflict
	case m.holder == agent:
		return ""
	case m.holder != uuid.Nil:
		return fault.AlreadyClaimed
	}
	m.holder = agent
	m.changed(inbox.EventConversationAssigned)
	return ""
}

func (m *mirror) release(actor inbox.Actor) fault.Code {
	if m.holder != actor.ID() && actor.Role() == inbox.RoleAgent {
		return fault.Forbidden
	}
	if m.holder != uuid.Nil {
		m.holder = uuid.Nil
		m.changed(inbox.EventConversationAssigned)
	}
	return ""
}

func (m *mirror) reassign(actor inbox.Actor, to uuid.UUID) fault.Code {
	switch {
	case actor.Role() == inbox.RoleAgent:
		return fault.Forbidden
	case m.status == inbox.StatusResolved:
		return fault.Conflict
	}
	if m.holder != to {
		m.holder = to
		m.changed(inbox.EventConversationAssigned)
	}
	return ""
}

func (m *mirror) resolve(expected *int64) fault.Code {
	if m.status == inbox.StatusResolved || expected != nil && *expected != m.lastSeq {
		return fault.Conflict
	}
	m.status = inbox.StatusResolved
	m.changed(inbox.EventConversationResolved)
	return ""
}

func (m *mirror) reopen() fault.Code {
	kind := inbox.EventConversationReopened
	switch m.status {
	case inbox.StatusOpen:
		return fault.Conflict
	case inbox.StatusSnoozed:
		kind = inbox.EventConversationWoken
	}
	m.status = inbox.StatusOpen
	m.changed(kind)
	return ""
}

func (m *mirror) snooze() fault.Code {
	if m.status == inbox.StatusResolved {
		return fault.Conflict
	}
	m.status = inbox.StatusSnoozed
	m.gen++
	m.changed(inbox.EventConversationSnoozed)
	return ""
}

func (m *mirror) wake(gen int64) {
	if m.status == inbox.StatusSnoozed && m.gen == gen {
		m.status = inbox.StatusOpen
		m.changed(inbox.EventConversationWoken)
	}
}

func (m *mirror) receive() {
	switch m.status {
	case inbox.StatusSnoozed:
		m.happened(inbox.EventConversationWoken)
	case inbox.StatusResolved:
		m.happened(inbox.EventConversationReopened)
	}
	m.status = inbox.StatusOpen
	m.lastSeq++
	m.inbound++
	m.changed(inbox.EventMessageCreated)
}
