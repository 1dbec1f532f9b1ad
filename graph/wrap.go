package graph

import (
	"context"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/view"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// What stands here turns inputs into the domain's and the domain's answers into payloads, for the resolvers.

// changed returns the conversation of a payload.
func changed(ctx context.Context, c inbox.Conversation) *inbox.Conversation {
	from(ctx).conversations(c)
	return &c
}

// queued returns the message of a payload.
func queued(ctx context.Context, m inbox.Message) *view.Message { return from(ctx).know(m)[0] }

// sent prepares the loaders for the message that a mutation answers with, and returns its view.
func sent(ctx context.Context, m outbound.Queued) *view.Message {
	if m.New {
		from(ctx).untouched(m.ID)
	}
	return queued(ctx, m.Message)
}

func conversationConnection(ctx context.Context, page inbox.ConversationPage) *gen.ConversationConnection {
	connection := &gen.ConversationConnection{
		Edges:    make([]gen.ConversationEdge, len(page.Edges)),
		PageInfo: &gen.PageInfo{HasNextPage: page.HasNext, HasPreviousPage: page.HasPrevious},
		Cursor:   page.Cursor.String(),
	}
	nodes := make([]inbox.Conversation, len(page.Edges))
	for i := range page.Edges {
		edge := &page.Edges[i]
		nodes[i] = edge.Node
		connection.Edges[i] = gen.ConversationEdge{Cursor: edge.Cursor, Node: &edge.Node, UnreadCount: int(edge.Unread)}
	}
	if page.Beside != nil {
		from(ctx).prime(page.Beside)
	}
	from(ctx).together(nodes)
	if n := len(page.Edges); n > 0 {
		connection.PageInfo.StartCursor, connection.PageInfo.EndCursor = &page.Edges[0].Cursor, &page.Edges[n-1].Cursor
	}
	return connection
}

func messageConnection(ctx context.Context, page inbox.MessagePage) *gen.MessageConnection {
	connection := &gen.MessageConnection{
		Edges:    make([]gen.MessageEdge, len(page.Edges)),
		PageInfo: &gen.PageInfo{HasNextPage: page.HasNext, HasPreviousPage: page.HasPrevious},
		Cursor:   page.Cursor.String(),
	}
	for i, node := range from(ctx).know(nodesOf(page)...) {
		connection.Edges[i] = gen.MessageEdge{Cursor: page.Edges[i].Cursor, Node: node}
	}
	if n := len(page.Edges); n > 0 {
		connection.PageInfo.StartCursor, connection.PageInfo.EndCursor = &page.Edges[0].Cursor, &page.Edges[n-1].Cursor
	}
	return connection
}

func countsOf(counts inbox.Counts, cursor inbox.Cursor) *gen.ConversationCounts {
	return &gen.ConversationCounts{
		Mine: int(counts.Mine), Unassigned: int(counts.Unassigned), All: int(counts.All), Cursor: cursor.String(),
	}
}

func viewerOf(v inbox.Viewer) *gen.Viewer {
	return &gen.Viewer{Agent: &v.Agent, Tenant: &v.Tenant, Teams: v.Teams}
}

func templateOf(t *gen.TemplateInput) *channel.Template {
	if t == nil {
		return nil
	}
	return &channel.Template{Name: t.Name, Language: t.Language, Header: t.Header, Body: t.Body}
}

func alertList(ctx context.Context, alerts []outbound.Alert, cursor inbox.Cursor) *gen.AlertList {
	list := &gen.AlertList{Alerts: make([]view.Alert, len(alerts)), Cursor: cursor.String()}
	for i, a := range alerts {
		list.Alerts[i] = *alertView(a)
		expectOptional(from(ctx).accounts, a.ChannelAccountID)
	}
	return list
}

func attemptsOf(attempts []outbound.Attempt) []view.Attempt {
	views := make([]view.Attempt, len(attempts))
	for i, a := range attempts {
		views[i] = view.Attempt{Attempt: a}
	}
	return views
}

// holdOf returns what holds an unfinished message, or nil.
func holdOf(d outbound.Dispatch) *view.Hold {
	if d.Hold == outbound.HoldNone || d.HeldSince == nil {
		return nil
	}
	return &view.Hold{Reason: d.Hold, Since: *d.HeldSince, Until: d.Until}
}

func attachmentsOf(attachments []inbox.Attachment) []view.Attachment {
	views := make([]view.Attachment, len(attachments))
	for i, a := range attachments {
		views[i] = view.Attachment{Attachment: a}
	}
	return views
}

func seqOf(n *int) *int64 {
	if n == nil {
		return nil
	}
	seq := int64(*n)
	return &seq
}

func notificationOf(input gen.SendNotificationInput) outbound.SendNotificationInput {
	return outbound.SendNotificationInput{
		ChannelAccountID: input.ChannelAccountID, Phone: input.Recipient.Phone, Name: value(input.Recipient.Name),
		Template: *templateOf(input.Template), CorrelationID: value(input.CorrelationID), IdempotencyKey: value(input.IdempotencyKey),
	}
}
