package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// unreadTopic is unreadCountEvents: the viewer's badge.
type unreadTopic struct{}

func (*unreadTopic) begin(_ context.Context, _ *Subscriptions, actor inbox.Actor) error {
	return actor.RequireAgent()
}

func (*unreadTopic) key(actor inbox.Actor) string { return actor.ID().String() }

func (*unreadTopic) shared() string { return "unread" }

// Wants implements live.Audience: what is written to the business, what is read, and who may see it.
func (*unreadTopic) Wants(e *inbox.Event) bool {
	switch e.Kind {
	case inbox.EventReadCursorMoved:
		return e.AgentID != nil
	case inbox.EventMessageCreated:
		return e.Direction == inbox.Inbound || handedOver(e)
	}
	return e.ConversationID != nil && e.ChannelAccountID != nil && handedOver(e)
}

// View implements live.Audience.
func (*unreadTopic) View(item *live.Item, actor inbox.Actor) live.View {
	if item.Kind == inbox.EventReadCursorMoved {
		if *item.AgentID == actor.ID() {
			return viewCount
		}
		return live.Nothing
	}
	return countedBy(&item.Event, actor)
}

func (*unreadTopic) read(ctx context.Context, s *Subscriptions, tenant inbox.TenantID, viewers []countViewer) ([]any, error) {
	seen := map[uuid.UUID]bool{}
	var changed []uuid.UUID
	for _, viewer := range viewers {
		for _, id := range viewer.changed {
			if !seen[id] {
				seen[id] = true
				changed = append(changed, id)
			}
		}
	}
	unread, _, err := s.inbox.UnreadOf(ctx, tenant, visibilities(viewers), changed)
	if err != nil {
		return nil, err
	}
	items := make([]any, len(viewers))
	for i, viewer := range viewers {
		event := gen.UnreadCountEvent{
			Cursor: viewer.cursor.String(), Conversations: int(unread[i].Conversations), Changed: []gen.ConversationUnread{},
		}
		for _, id := range viewer.changed {
			if n, visible := unread[i].ByConversation[id]; visible {
				event.Changed = append(event.Changed, gen.ConversationUnread{ConversationID: id, UnreadCount: int(n)})
			}
		}
		items[i] = event
	}
	return items, nil
}

// countsTopic is conversationCountEvents: the numbers on the viewer's tabs, under a filter less its assignee.
type countsTopic struct{ filter inbox.ConversationFilter }

func followCounts(filter *gen.ConversationFilter) *countsTopic {
	t := &countsTopic{filter: filterOf(filter)}
	t.filter.Assignee = inbox.AnyAssignee
	return t
}

func (*countsTopic) begin(_ context.Context, _ *Subscriptions, actor inbox.Actor) error {
	return actor.RequireReader()
}

func (t *countsTopic) key(actor inbox.Actor) string { return actor.ID().String() + filterKey(t.filter) }

func (t *countsTopic) shared() string { return "counts" + filterKey(t.filter) }

// Wants implements live.Audience: what moves a conversation from one number to another.
func (t *countsTopic) Wants(e *inbox.Event) bool {
	if e.ConversationID == nil || e.ChannelAccountID == nil || e.StatusAfter == "" {
		return false
	}
	under := conversationTopic{filter: t.filter}
	was, is := under.was(e), under.is(e)
	return was != is || is && handedOver(e)
}

// View implements live.Audience.
func (t *countsTopic) View(item *live.Item, actor inbox.Actor) live.View {
	return countedBy(&item.Event, actor)
}

func (t *countsTopic) read(ctx context.Context, s *Subscriptions, tenant inbox.TenantID, viewers []countViewer) ([]any, error) {
	counts, _, err := s.inbox.CountsOf(ctx, tenant, visibilities(viewers), t.filter)
	if err != nil {
		return nil, err
	}
	items := make([]any, len(viewers))
	for i, viewer := range viewers {
		cursor := viewer.cursor.String()
		items[i] = gen.ConversationCountEvent{Cursor: cursor, Counts: &gen.ConversationCounts{
			Mine: int(counts[i].Mine), Unassigned: int(counts[i].Unassigned), All: int(counts[i].All), Cursor: cursor,
		}}
	}
	return items, nil
}

// handedOver reports whether the conversation has another holder after the event.
func handedOver(e *inbox.Event) bool {
	return (e.AssigneeBefore != nil || e.AssigneeAfter != nil) && !same(e.AssigneeBefore, e.AssigneeAfter)
}

// countedBy returns whether the conversation is among those that the actor may see, before or after the event.
func countedBy(e *inbox.Event, actor inbox.Actor) live.View {
	v := actor.Visibility()
	if v.Sees(*e.ChannelAccountID, e.AssigneeBefore) || v.Sees(*e.ChannelAccountID, e.AssigneeAfter) {
		return viewCount
	}
	return live.Nothing
}

func visibilities(viewers []countViewer) []inbox.Visibility {
	all := make([]inbox.Visibility, len(viewers))
	for i, viewer := range viewers {
		all[i] = viewer.visibility
	}
	return all
}
