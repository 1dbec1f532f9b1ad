package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// maxPage is the largest page of any list.
const maxPage = 100

// AssigneeFilter says whose conversations are meant.
type AssigneeFilter string

// The assignee filters.
const (
	AnyAssignee    AssigneeFilter = "ANY" // everybody's and nobody's
	AssignedMine   AssigneeFilter = "MINE"
	AssignedNobody AssigneeFilter = "UNASSIGNED"
)

// ConversationFilter says which conversations; what is set must all hold.
type ConversationFilter struct {
	Status           []Status       // any of these; empty: all
	Assignee         AssigneeFilter // empty: AnyAssignee
	ChannelAccountID *uuid.UUID
	TeamID           *uuid.UUID
	ContactID        *uuid.UUID
}

// check returns the filter in one spelling, or Invalid for a status or assignee that does not exist.
func (f ConversationFilter) check() (ConversationFilter, error) {
	if len(f.Status) == 0 {
		f.Status = Statuses()
	}
	f.Status = slices.Compact(slices.Sorted(slices.Values(f.Status)))
	for _, s := range f.Status {
		if !slices.Contains(Statuses(), s) {
			return f, fault.BadField("filter.status", "there is no status %q", string(s))
		}
	}
	switch f.Assignee {
	case "":
		f.Assignee = AnyAssignee
	case AnyAssignee, AssignedMine, AssignedNobody:
	default:
		return f, fault.BadField("filter.assignee", "there is no assignee filter %q", string(f.Assignee))
	}
	return f, nil
}

// ListPlace is the place of a conversation in a list: newest message first, then the higher id.
type ListPlace struct {
	LastMessageAt time.Time
	ID            uuid.UUID
}

// ListQuery asks the store for a page of conversations.
type ListQuery struct {
	Filter ConversationFilter
	Viewer Visibility
	After  *ListPlace
	Limit  int
}

// ListedConversation is a conversation in a list with the viewer's unread messages.
type ListedConversation struct {
	Conversation
	Unread int64
}

// ConversationPage is a page of a list of conversations.
type ConversationPage struct {
	Edges       []ConversationEdge
	HasNext     bool
	HasPrevious bool
	Cursor      Cursor    // where the stream stood when this was read
	Beside      *Snapshot // what was wanted beside the conversations; nil: nothing
}

// Beside says what of that to which conversations point is wanted together with them.
type Beside struct {
	Contacts   bool
	Identities bool // of the contacts
	Accounts   bool
	Assignees  bool
	Teams      bool
}

// ConversationEdge is a conversation in a list.
type ConversationEdge struct {
	Cursor string // its place, to continue after
	Node   Conversation
	Unread int64 // INBOUND messages that the agent has not read; 0 for an API key
}

// Conversations returns the conversations under the filter that the actor sees, newest message first: the first so many after a place
// ("" for the beginning), with what is wanted beside them, all of one moment. It returns Invalid for a page size that is not 1 to
// 100, for a place of another list, and for an unknown filter value; and Forbidden for an API key that may not read.
func (in *Inbox) Conversations(
	ctx context.Context, actor Actor, filter ConversationFilter, first int, after string, want Beside,
) (ConversationPage, error) {
	var page ConversationPage
	filter, err := filter.check()
	if err != nil {
		return page, err
	}
	if err := actor.RequireReader(); err != nil {
		return page, err
	}
	if first < 1 || first > maxPage {
		return page, fault.BadField("first", "a page has 1 to %d items", maxPage)
	}
	list := conversationList(actor.Tenant(), filter)
	query := ListQuery{Filter: filter, Viewer: actor.Visibility(), Limit: first + 1}
	if after != "" {
		place, err := list.parse(after)
		if err != nil {
			return page, err
		}
		query.After = &place
	}
	rows, err := in.readList(ctx, actor.Tenant(), query, want, &page)
	page.HasPrevious = after != ""
	for _, r := range rows {
		edge := ConversationEdge{Node: r.Conversation, Cursor: list.place(ListPlace{r.LastMessageAt, r.ID})}
		if actor.IsAgent() {
			edge.Unread = r.Unread
		}
		page.Edges = append(page.Edges, edge)
	}
	return page, err
}

// readList reads the rows of a page, and fills in what is not theirs.
func (in *Inbox) readList(
	ctx context.Context, tenant TenantID, query ListQuery, want Beside, page *ConversationPage,
) (rows []ListedConversation, err error) {
	err = in.store.ReadTenant(ctx, tenant, func(tx Tx) error {
		alone := want == Beside{}
		if alone {
			tx.Last()
		}
		if rows, page.Cursor, err = tx.ListConversations(ctx, query); err != nil {
			return err
		}
		if page.HasNext = len(rows) == query.Limit; page.HasNext {
			rows = rows[:query.Limit-1]
		}
		if alone || len(rows) == 0 {
			return nil
		}
		tx.Last()
		page.Beside, err = tx.RowsBeside(ctx, rows, want)
		return err
	})
	return rows, err
}

// Conversation returns a conversation that the actor sees; NotFound for any other.
func (in *Inbox) Conversation(ctx context.Context, actor Actor, id uuid.UUID) (Conversation, error) {
	var c Conversation
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		tx.Last()
		c, err = seen(ctx, tx, actor, id)
		return err
	})
	return c, err
}

// seen reads a conversation that the actor sees; NotFound for any other.
func seen(ctx context.Context, tx Tx, actor Actor, id uuid.UUID) (Conversation, error) {
	c, err := one(ctx, tx, id)
	if err == nil && !actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) {
		return Conversation{}, NoConversation()
	}
	return c, err
}

// cursorNow returns where the stream stands in this transaction's snapshot. Read before the data, so that whoever continues from it
// may see a change again, but never misses one.
func cursorNow(ctx context.Context, tx Tx) (Cursor, error) {
	seq, epoch, err := tx.Head(ctx)
	return Cursor{Epoch: epoch, Seq: seq}, err
}
