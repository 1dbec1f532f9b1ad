package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

// The views of a conversation's change: what it means for the list, and whether the viewer may still see the conversation.
const (
	viewEntered live.View = live.Gone + 1 + iota
	viewStayed
	viewLeft
	viewHidden // added to the ones above: the conversation is not shown
)

// conversationTopic is conversationEvents: a list under a filter, whose viewer is nobody unless the filter asks for his own.
type conversationTopic struct {
	filter inbox.ConversationFilter
	viewer uuid.UUID // whose conversations MINE means
}

func followConversations(ctx context.Context, filter *gen.ConversationFilter) *conversationTopic {
	t := &conversationTopic{filter: filterOf(filter)}
	if actor, ok := ActorFrom(ctx); ok && t.filter.Assignee == inbox.AssignedMine {
		t.viewer = actor.ID()
	}
	return t
}

func (t *conversationTopic) begin(_ context.Context, _ *Subscriptions, actor inbox.Actor) error {
	return actor.RequireReader()
}

func (t *conversationTopic) key(inbox.Actor) string { return filterKey(t.filter) + t.viewer.String() }

// Wants implements live.Audience.
func (t *conversationTopic) Wants(e *inbox.Event) bool {
	switch e.Kind {
	case inbox.EventConversationCreated, inbox.EventConversationAssigned, inbox.EventConversationResolved,
		inbox.EventConversationReopened, inbox.EventConversationSnoozed, inbox.EventConversationWoken,
		inbox.EventConversationFlagged, inbox.EventMessageCreated, inbox.EventContactChanged:
	default:
		return false
	}
	return e.ConversationID != nil && e.ChannelAccountID != nil && (t.was(e) || t.is(e))
}

// View implements live.Audience. A list is the conversations that its viewer may see and that the filter lets through; both are told
// from the event itself, before and after.
func (t *conversationTopic) View(item *live.Item, actor inbox.Actor) live.View {
	v := actor.Visibility()
	before := t.was(&item.Event) && v.Sees(*item.ChannelAccountID, item.AssigneeBefore)
	after := t.is(&item.Event) && v.Sees(*item.ChannelAccountID, item.AssigneeAfter)
	var view live.View
	switch {
	case before && after:
		view = viewStayed
	case after:
		view = viewEntered
	case before:
		view = viewLeft
	default:
		return live.Nothing
	}
	// The conversation beside the event is as of now, and he may have lost sight of it since.
	now := item.Snapshot().Conversations[*item.ConversationID]
	if now == nil || !v.Sees(now.ChannelAccountID, now.AssigneeID) {
		view += viewHidden
	}
	return view
}

// was reports whether the filter let the conversation through before the event; a new one was nowhere.
func (t *conversationTopic) was(e *inbox.Event) bool {
	return e.StatusBefore != "" && t.lets(e, e.StatusBefore, e.AssigneeBefore, e.TeamBefore)
}

// is reports whether the filter lets the conversation through after the event.
func (t *conversationTopic) is(e *inbox.Event) bool {
	return t.lets(e, e.StatusAfter, e.AssigneeAfter, e.TeamAfter)
}

func (t *conversationTopic) lets(e *inbox.Event, status inbox.Status, assignee, team *uuid.UUID) bool {
	f := &t.filter
	switch {
	case len(f.Status) > 0 && !slices.Contains(f.Status, status),
		f.ChannelAccountID != nil && !same(f.ChannelAccountID, e.ChannelAccountID),
		f.ContactID != nil && !same(f.ContactID, e.ContactID),
		f.TeamID != nil && !same(f.TeamID, team),
		f.Assignee == inbox.AssignedNobody && assignee != nil,
		f.Assignee == inbox.AssignedMine && !same(&t.viewer, assignee):
		return false
	}
	return true
}

func (*conversationTopic) reach(asked inbox.Beside) inbox.Reach {
	return inbox.Reach{Conversations: true, Beside: asked}
}

// show implements itemTopic.
func (t *conversationTopic) show(_ context.Context, _ *cohort, item *live.Item, view live.View) (any, error) {
	event := gen.ConversationEvent{
		Cursor: item.Cursor(), Kind: item.Kind, At: item.At, ConversationID: *item.ConversationID, MessageID: item.MessageID,
		After: &gen.ConversationState{Status: item.StatusAfter, AssigneeID: item.AssigneeAfter, TeamID: item.TeamAfter},
	}
	if view < viewEntered+viewHidden {
		event.Conversation = item.Snapshot().Conversations[*item.ConversationID]
	} else {
		view -= viewHidden
	}
	event.Membership = map[live.View]gen.Membership{
		viewEntered: gen.MembershipEntered, viewStayed: gen.MembershipStayed, viewLeft: gen.MembershipLeft,
	}[view]
	if item.Cause != "" {
		cause := string(item.Cause)
		event.Cause = &cause
	}
	if item.StatusBefore != "" {
		event.Before = &gen.ConversationState{Status: item.StatusBefore, AssigneeID: item.AssigneeBefore, TeamID: item.TeamBefore}
	}
	return event, nil
}

func same(a, b *uuid.UUID) bool { return a != nil && b != nil && *a == *b }

// filterOf returns the domain's form of a filter; nil lets everything through.
func filterOf(filter *gen.ConversationFilter) inbox.ConversationFilter {
	if filter == nil {
		return inbox.ConversationFilter{Assignee: inbox.AnyAssignee}
	}
	return inbox.ConversationFilter{
		Status: filter.Status, Assignee: inbox.AssigneeFilter(filter.Assignee), ChannelAccountID: filter.ChannelAccountID,
		TeamID: filter.TeamID, ContactID: filter.ContactID,
	}
}

func filterKey(f inbox.ConversationFilter) string {
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Status)))
	return fmt.Sprint(statuses, f.Assignee, idText(f.ChannelAccountID), idText(f.TeamID), idText(f.ContactID))
}

func idText(id *uuid.UUID) string {
	if id == nil {
		return "-"
	}
	return id.String()
}
