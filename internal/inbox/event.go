package inbox

import (
	"time"

	"github.com/google/uuid"
)

// EventKind names a change. The list is the event catalogue; subscriptions are views of it.
type EventKind string

// The kinds of event.
const (
	EventConversationCreated  EventKind = "CONVERSATION_CREATED"
	EventConversationAssigned EventKind = "CONVERSATION_ASSIGNED" // claimed, reassigned or released
	EventConversationResolved EventKind = "CONVERSATION_RESOLVED"
	EventConversationReopened EventKind = "CONVERSATION_REOPENED"
	EventConversationSnoozed  EventKind = "CONVERSATION_SNOOZED"
	EventConversationWoken    EventKind = "CONVERSATION_WOKEN" // Cause: TIMER, INBOUND or AGENT
	EventConversationFlagged  EventKind = "CONVERSATION_FLAGGED"
	EventMessageCreated       EventKind = "MESSAGE_CREATED" // carries the conversation's before/after too
	EventMessageStatus        EventKind = "MESSAGE_STATUS_CHANGED"
	EventMessageChanged       EventKind = "MESSAGE_CHANGED" // a reaction, an edit, a deletion, a file that arrived
	EventContactChanged       EventKind = "CONTACT_CHANGED"
	EventReadCursorMoved      EventKind = "READ_CURSOR_MOVED" // AgentID's cursor of ConversationID
	EventAccessChanged        EventKind = "ACCESS_CHANGED"    // AgentID's role, teams or status, or an API key of this id was revoked; subscriptions are checked anew
	EventSessionEnded         EventKind = "SESSION_ENDED"     // AgentID signed out of SessionID, or of all when it is nil
	EventAlertOpened          EventKind = "ALERT_OPENED"
	EventAlertClosed          EventKind = "ALERT_CLOSED"
)

// Cause tells what made a change where the kind alone does not.
type Cause string

// The causes of a change.
const (
	CauseAgent   Cause = "AGENT"
	CauseInbound Cause = "INBOUND"
	CauseTimer   Cause = "TIMER"
)

// Event is one change of a tenant's data. Seq is given by the store at commit, without gaps and in commit order.
type Event struct {
	Seq                 int64
	Kind                EventKind
	At                  time.Time
	ActorKind           ActorKind
	ActorID             *uuid.UUID
	Cause               Cause
	ConversationID      *uuid.UUID
	ChannelAccountID    *uuid.UUID
	ContactID           *uuid.UUID
	MessageID           *uuid.UUID
	MessageSeq          int64
	Direction           Direction
	AgentID             *uuid.UUID
	SessionID           *uuid.UUID
	AlertID             *uuid.UUID
	Version             int64
	StatusBefore        Status
	StatusAfter         Status
	AssigneeBefore      *uuid.UUID
	AssigneeAfter       *uuid.UUID
	TeamBefore          *uuid.UUID
	TeamAfter           *uuid.UUID
	MessageStatusBefore MessageStatus
	MessageStatusAfter  MessageStatus
}

// ConversationEvent returns an event of the kind with the conversation's state before and after; before is nil for a new one.
func ConversationEvent(kind EventKind, actor Actor, before, after *Conversation, at time.Time) Event {
	e := Event{
		Kind: kind, At: at, ActorKind: actor.Kind(),
		ConversationID: &after.ID, ChannelAccountID: &after.ChannelAccountID, ContactID: &after.ContactID,
		Version: after.Version, StatusAfter: after.Status, AssigneeAfter: after.AssigneeID, TeamAfter: after.TeamID,
	}
	if id := actor.ID(); id != uuid.Nil {
		e.ActorID = &id
	}
	if before != nil {
		e.StatusBefore, e.AssigneeBefore, e.TeamBefore = before.Status, before.AssigneeID, before.TeamID
	}
	return e
}

// AuditEntry is one line of the audit log: who did what to which thing. Details hold ids and codes, never contents of messages.
type AuditEntry struct {
	At            time.Time
	ActorKind     ActorKind
	ActorID       *uuid.UUID
	Action        string // verb in the catalogue's form, for example conversation.claimed
	SubjectKind   string
	SubjectID     *uuid.UUID
	Details       map[string]any
	CorrelationID string
}
