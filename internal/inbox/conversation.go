package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Status is where a conversation stands.
type Status string

// The statuses of a conversation. The moves between them are published in transitions.go.
const (
	StatusOpen     Status = "OPEN"
	StatusSnoozed  Status = "SNOOZED"
	StatusResolved Status = "RESOLVED"
)

// Conversation is one contact on one channel account. At most one conversation of that pair is OPEN or SNOOZED.
type Conversation struct {
	ID               uuid.UUID
	ContactID        uuid.UUID
	ChannelAccountID uuid.UUID
	TeamID           *uuid.UUID // the team its channel account routes to
	Status           Status
	AssigneeID       *uuid.UUID
	Version          int64 // grows with every change
	LastSeq          int64 // seq of the newest message
	InboundCount     int64 // INBOUND messages so far
	LastMessageAt    time.Time
	LastInboundAt    *time.Time // our arrival time of the newest INBOUND message; it opens the reply window
	Preview          string     // the beginning of the newest message
	SnoozedUntil     *time.Time
	SnoozeGen        int64 // numbers the snoozes, so that an old timer cannot end a newer one
	ResolvedAt       *time.Time
	ResolvedAtSeq    *int64
	FollowUpAt       *time.Time // set when no channel is left that could deliver
	CreatedAt        time.Time
}

// Active reports whether the conversation is OPEN or SNOOZED.
func (c *Conversation) Active() bool { return c.Status != StatusResolved }

// AssignedTo reports whether the conversation is the agent's.
func (c *Conversation) AssignedTo(agent uuid.UUID) bool {
	return c.AssigneeID != nil && *c.AssigneeID == agent
}

// WindowReason tells why free text can or cannot be sent.
type WindowReason string

// The reasons of a ReplyWindow.
const (
	WindowUnlimited    WindowReason = "UNLIMITED"     // the channel has no window
	WindowOpen         WindowReason = "OPEN"          // the contact wrote less than 24 hours ago
	WindowExpired      WindowReason = "EXPIRED"       // the contact's last message is older than that
	WindowNeverStarted WindowReason = "NEVER_STARTED" // the contact has never written here
)

// ReplyWindow is the time in which a channel lets an agent write free text.
type ReplyWindow struct {
	Open     bool
	ClosesAt *time.Time // nil when there is no limit or the window never opened
	Reason   WindowReason
}

// ConversationRows are the stored conversations of one tenant.
type ConversationRows interface {
	// ConversationsByIDs returns the conversations in no particular order; missing ones are absent.
	ConversationsByIDs(ctx context.Context, ids []uuid.UUID) ([]Conversation, error)
	// LockConversations locks the conversations until the transaction ends and returns them as they are then, sorted by id; missing
	// ones are absent. Locks are taken in the order of ids, so that two transactions cannot wait for each other.
	LockConversations(ctx context.Context, ids []uuid.UUID) ([]Conversation, error)
	// LockWithAccount locks a conversation as LockConversations does and reads its channel account in the same message. It returns NotFound when
	// there is none.
	LockWithAccount(ctx context.Context, id uuid.UUID) (Conversation, ChannelAccount, error)
	// UpdateConversations writes every mutable field of the conversations, which the caller has locked and whose Version it has
	// raised. It returns an error when one is missing or its Version did not grow.
	UpdateConversations(ctx context.Context, conversations []Conversation) error
	// InsertConversations adds conversations. A second active one of the same contact and channel account is a Conflict.
	InsertConversations(ctx context.Context, conversations []Conversation) error
	// ActiveConversation returns the contact's conversation on the account that is not RESOLVED; nil when there is none.
	ActiveConversation(ctx context.Context, contact, account uuid.UUID) (*uuid.UUID, error)
	// ListConversations returns at most query.Limit conversations after query.After, newest message first, and where the stream stands.
	ListConversations(ctx context.Context, query ListQuery) ([]ListedConversation, Cursor, error)
	// RowsBeside returns what the conversations point to, as far as it is wanted; the other maps of the snapshot stay nil.
	RowsBeside(ctx context.Context, conversations []ListedConversation, want Beside) (*Snapshot, error)
	// BesideAtEnd is RowsBeside of one conversation in the message that commits: what it returns is filled once the transaction is committed.
	BesideAtEnd(conversation Conversation, want Beside) *Snapshot
	// CountConversations returns the numbers of conversations under the filter less its Assignee that any of the viewers may see, by
	// channel account and assignee. It is one statement however many viewers there are.
	CountConversations(ctx context.Context, filter ConversationFilter, viewers []Visibility) ([]CountGroup, error)
}
