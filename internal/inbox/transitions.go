package inbox

import "github.com/switchboard-inbox/switchboard/internal/fault"

// Operation is something that is done to a conversation.
type Operation string

// The operations on a conversation.
const (
	OpClaim    Operation = "CLAIM"
	OpReassign Operation = "REASSIGN"
	OpRelease  Operation = "RELEASE"
	OpResolve  Operation = "RESOLVE"
	OpReopen   Operation = "REOPEN"
	OpSnooze   Operation = "SNOOZE"
	OpWake     Operation = "WAKE"      // the timer of a snooze
	OpInbound  Operation = "INBOUND"   // the contact writes
	OpSend     Operation = "SEND"      // the business writes
	OpMarkRead Operation = "MARK_READ" // an agent has seen messages
)

// Operations returns every operation once.
func Operations() []Operation {
	return []Operation{
		OpClaim, OpReassign, OpRelease, OpResolve, OpReopen, OpSnooze, OpWake, OpInbound, OpSend, OpMarkRead,
	}
}

// Statuses returns every status of a conversation once.
func Statuses() []Status { return []Status{StatusOpen, StatusSnoozed, StatusResolved} }

// Transition is one row of the published table: what an operation does to a conversation of a status.
type Transition struct {
	Operation Operation
	From      Status
	To        Status    // where the conversation stands afterwards; empty: the operation is refused with CONFLICT
	Event     EventKind // what is recorded when something changed; empty: nothing is done
	Cause     Cause     // the event's cause, where the kind does not tell all
	Refusal   string    // for a refused operation: why, and what to do
}

// Refused reports whether the operation fails with CONFLICT.
func (t Transition) Refused() bool { return t.To == "" }

// Transitions returns the whole table: each operation in each status once. What an operation does beyond status, event and cause
// (whom it assigns, which time it notes) stands with its use case.
func Transitions() []Transition {
	const open, snoozed, resolved = StatusOpen, StatusSnoozed, StatusResolved
	return []Transition{
		{OpClaim, open, open, EventConversationAssigned, "", ""},
		{OpClaim, snoozed, "", "", "", "a snoozed conversation cannot be claimed; reopen it first"},
		{OpClaim, resolved, "", "", "", "a resolved conversation cannot be claimed; reopen it first"},

		{OpReassign, open, open, EventConversationAssigned, "", ""},
		{OpReassign, snoozed, snoozed, EventConversationAssigned, "", ""},
		{OpReassign, resolved, "", "", "", "a resolved conversation cannot be reassigned; reopen it first"},

		{OpRelease, open, open, EventConversationAssigned, "", ""},
		{OpRelease, snoozed, snoozed, EventConversationAssigned, "", ""},
		{OpRelease, resolved, resolved, EventConversationAssigned, "", ""},

		{OpResolve, open, resolved, EventConversationResolved, "", ""},
		{OpResolve, snoozed, resolved, EventConversationResolved, "", ""},
		{OpResolve, resolved, "", "", "", "the conversation is resolved already"},

		{OpReopen, open, "", "", "", "the conversation is open already"},
		{OpReopen, snoozed, open, EventConversationWoken, CauseAgent, ""},
		{OpReopen, resolved, open, EventConversationReopened, CauseAgent, ""},

		{OpSnooze, open, snoozed, EventConversationSnoozed, "", ""},
		{OpSnooze, snoozed, snoozed, EventConversationSnoozed, "", ""},
		{OpSnooze, resolved, "", "", "", "a resolved conversation cannot be snoozed; reopen it first"},

		{OpWake, open, open, "", "", ""},
		{OpWake, snoozed, open, EventConversationWoken, CauseTimer, ""},
		{OpWake, resolved, resolved, "", "", ""},

		{OpInbound, open, open, EventMessageCreated, "", ""},
		{OpInbound, snoozed, open, EventConversationWoken, CauseInbound, ""},
		{OpInbound, resolved, open, EventConversationReopened, CauseInbound, ""}, // or a new one, by the tenant's policy

		{OpSend, open, open, EventMessageCreated, "", ""},
		{OpSend, snoozed, "", "", "", "the conversation is snoozed; reopen it before you write"},
		{OpSend, resolved, "", "", "", "the conversation is resolved; reopen it before you write"},

		{OpMarkRead, open, open, EventReadCursorMoved, "", ""},
		{OpMarkRead, snoozed, snoozed, EventReadCursorMoved, "", ""},
		{OpMarkRead, resolved, resolved, EventReadCursorMoved, "", ""},
	}
}

// Next returns the table's row for the operation on a conversation of the status, and a Conflict error when the operation is refused
// there. An operation or status that is not in the table is refused too.
func Next(operation Operation, from Status) (Transition, error) {
	for _, t := range Transitions() {
		if t.Operation == operation && t.From == from {
			return t, t.conflict()
		}
	}
	t := Transition{Operation: operation, From: from, Refusal: "this cannot be done to the conversation now"}
	return t, t.conflict()
}

func (t Transition) conflict() error {
	if !t.Refused() {
		return nil
	}
	return &fault.Error{Code: fault.Conflict, Message: t.Refusal, Details: map[string]any{"reason": "STATUS", "status": string(t.From)}}
}
