package inbox

import (
	"context"

	"github.com/google/uuid"
)

// Unread is what an agent has not read: the badge, and the numbers of the conversations that were asked for and that he may see.
type Unread struct {
	Conversations  int64 // how many conversations with unread messages he may see
	ByConversation map[uuid.UUID]int64
}

// UnreadRow is a number of unread messages of one agent in one conversation, with what decides whether he may see it.
type UnreadRow struct {
	AgentID          uuid.UUID
	ConversationID   uuid.UUID
	ChannelAccountID uuid.UUID
	AssigneeID       *uuid.UUID
	Unread           int64
}

// UnreadGroup is a number of conversations with INBOUND messages, by channel account and assignee: all of them when AgentID is nil,
// otherwise those that the agent has read to the end.
type UnreadGroup struct {
	AgentID *uuid.UUID
	CountGroup
}

// UnreadRows are what agents have not read.
type UnreadRows interface {
	// UnreadCounts returns the unread messages of every agent in every one of the conversations.
	UnreadCounts(ctx context.Context, agents, conversations []uuid.UUID) ([]UnreadRow, error)
	// UnreadGroups returns from what the badges of the viewers are summed, in one statement for all of them.
	UnreadGroups(ctx context.Context, viewers []Visibility) ([]UnreadGroup, error)
}

// UnreadCount returns how many conversations with unread messages the agent may see, and where the stream stood. It returns Forbidden for
// an API key.
func (in *Inbox) UnreadCount(ctx context.Context, actor Actor) (int64, Cursor, error) {
	if err := actor.RequireAgent(); err != nil {
		return 0, Cursor{}, err
	}
	unread, cursor, err := in.UnreadOf(ctx, actor.Tenant(), []Visibility{actor.Visibility()}, nil)
	if err != nil {
		return 0, Cursor{}, err
	}
	return unread[0].Conversations, cursor, nil
}

// UnreadOf returns, for each viewer in their order, the badge and the unread messages of those of the conversations that he may see, and
// where the stream stood. The number of statements does not grow with the viewers.
func (in *Inbox) UnreadOf(
	ctx context.Context, tenant TenantID, viewers []Visibility, conversations []uuid.UUID,
) (unread []Unread, cursor Cursor, err error) {
	var rows []UnreadRow
	var groups []UnreadGroup
	err = in.store.ReadTenant(ctx, tenant, func(tx Tx) error {
		if cursor, err = cursorNow(ctx, tx); err != nil {
			return err
		}
		if len(conversations) == 0 {
			tx.Last()
		}
		if groups, err = tx.UnreadGroups(ctx, viewers); err != nil || len(conversations) == 0 {
			return err
		}
		tx.Last()
		agents := make([]uuid.UUID, len(viewers))
		for i, v := range viewers {
			agents[i] = v.Agent
		}
		rows, err = tx.UnreadCounts(ctx, agents, conversations)
		return err
	})
	if err != nil {
		return nil, Cursor{}, err
	}
	groupsOf, rowsOf := map[uuid.UUID][]UnreadGroup{}, map[uuid.UUID][]UnreadRow{}
	for _, g := range groups {
		groupsOf[value(g.AgentID)] = append(groupsOf[value(g.AgentID)], g)
	}
	for _, r := range rows {
		rowsOf[r.AgentID] = append(rowsOf[r.AgentID], r)
	}
	unread = make([]Unread, len(viewers))
	for i, viewer := range viewers {
		unread[i] = viewer.unread(groupsOf[uuid.Nil], groupsOf[viewer.Agent], rowsOf[viewer.Agent])
	}
	return unread, cursor, nil
}

// unread sums one viewer's numbers: his badge is what he may see less what of it he has read to the end.
func (v Visibility) unread(all, read []UnreadGroup, rows []UnreadRow) Unread {
	sum := Unread{ByConversation: make(map[uuid.UUID]int64, len(rows))}
	sees := v.lookup()
	for _, g := range all {
		if sees(g.ChannelAccountID, g.AssigneeID) {
			sum.Conversations += g.Conversations
		}
	}
	for _, g := range read {
		if sees(g.ChannelAccountID, g.AssigneeID) {
			sum.Conversations -= g.Conversations
		}
	}
	for _, r := range rows {
		if sees(r.ChannelAccountID, r.AssigneeID) {
			sum.ByConversation[r.ConversationID] = r.Unread
		}
	}
	return sum
}

func value(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
