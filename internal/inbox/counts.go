package inbox

import (
	"context"

	"github.com/google/uuid"
)

// CountGroup is a number of conversations with the same channel account and assignee: what every viewer's numbers are summed from, so
// that counting costs the same for one viewer and for hundreds.
type CountGroup struct {
	ChannelAccountID uuid.UUID
	AssigneeID       *uuid.UUID
	Conversations    int64
}

// Counts are the numbers on a viewer's tabs.
type Counts struct {
	Mine       int64 // his own
	Unassigned int64 // nobody's
	All        int64 // all that he may see
}

// ConversationCounts returns the numbers on the actor's tabs under the filter less its Assignee, and where the stream stood. It returns
// Invalid for an unknown filter value and Forbidden for an API key that may not read.
func (in *Inbox) ConversationCounts(ctx context.Context, actor Actor, filter ConversationFilter) (Counts, Cursor, error) {
	if err := actor.RequireReader(); err != nil {
		return Counts{}, Cursor{}, err
	}
	counts, cursor, err := in.CountsOf(ctx, actor.Tenant(), []Visibility{actor.Visibility()}, filter)
	if err != nil {
		return Counts{}, Cursor{}, err
	}
	return counts[0], cursor, nil
}

// CountsOf returns the numbers of each viewer, in their order, under the filter less its Assignee, and where the stream stood. It is one
// statement for all of them. It returns Invalid for an unknown filter value.
func (in *Inbox) CountsOf(
	ctx context.Context, tenant TenantID, viewers []Visibility, filter ConversationFilter,
) (counts []Counts, cursor Cursor, err error) {
	if filter, err = filter.check(); err != nil {
		return nil, Cursor{}, err
	}
	var groups []CountGroup
	err = in.store.ReadTenant(ctx, tenant, func(tx Tx) error {
		if cursor, err = cursorNow(ctx, tx); err != nil {
			return err
		}
		tx.Last()
		groups, err = tx.CountConversations(ctx, filter, viewers)
		return err
	})
	if err != nil {
		return nil, Cursor{}, err
	}
	counts = make([]Counts, len(viewers))
	for i, viewer := range viewers {
		counts[i] = viewer.count(groups)
	}
	return counts, cursor, nil
}

func (v Visibility) count(groups []CountGroup) Counts {
	var n Counts
	sees := v.lookup()
	for _, g := range groups {
		if !sees(g.ChannelAccountID, g.AssigneeID) {
			continue
		}
		n.All += g.Conversations
		if g.AssigneeID == nil {
			n.Unassigned += g.Conversations
		} else if *g.AssigneeID == v.Agent {
			n.Mine += g.Conversations
		}
	}
	return n
}

// lookup returns Sees for many questions.
func (v Visibility) lookup() func(account uuid.UUID, assignee *uuid.UUID) bool {
	accounts := make(map[uuid.UUID]bool, len(v.Accounts))
	for _, a := range v.Accounts {
		accounts[a] = true
	}
	return func(account uuid.UUID, assignee *uuid.UUID) bool {
		return v.All || accounts[account] || assignee != nil && *assignee == v.Agent
	}
}
