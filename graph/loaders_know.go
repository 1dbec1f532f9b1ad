package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/view"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// conversations tells the loaders what the conversations' fields may ask for.
func (l *loaders) conversations(list ...inbox.Conversation) {
	for i := range list {
		c := &list[i]
		l.contacts.expect(c.ContactID)
		l.accounts.expect(c.ChannelAccountID)
		expectOptional(l.agents, c.AssigneeID)
		expectOptional(l.teams, c.TeamID)
	}
}

// conversation tells the loaders what the fields of a conversation, if there is one, may ask for, and returns it.
func (l *loaders) conversation(c *inbox.Conversation) *inbox.Conversation {
	if c != nil {
		l.conversations(*c)
	}
	return c
}

// channelAccounts tells the loaders what the accounts' fields may ask for, and returns the accounts.
func (l *loaders) channelAccounts(accounts []inbox.ChannelAccount) []inbox.ChannelAccount {
	for i := range accounts {
		expectOptional(l.teams, accounts[i].TeamID)
	}
	return accounts
}

// together tells that the conversations stand in one list, so that what one is asked for is likely asked of all.
func (l *loaders) together(list []inbox.Conversation) {
	l.conversations(list...)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range list {
		l.siblings = append(l.siblings, list[i].ID)
	}
}

// know keeps the messages for the loaders that need them and tells what their fields may ask for. It returns their views.
func (l *loaders) know(list ...inbox.Message) []*view.Message {
	l.mu.Lock()
	for i := range list {
		l.messages[list[i].ID] = list[i]
	}
	l.mu.Unlock()
	for i := range list {
		m := &list[i]
		l.marks.expect(m.ID)
		l.attachments.expect(m.ID)
		expectOptional(l.agents, m.AuthorAgentID)
		switch m.Direction {
		case inbox.Inbound:
			l.raws.expect(m.ID)
		case inbox.Outbound:
			l.retries.expect(m.ID)
			l.attempts.expect(m.ID)
			l.holds.expect(m.ID)
		}
		if m.ReplyTo != "" {
			l.quoted.expect(m.ID)
		}
	}
	return view.Messages(list)
}

// untouched tells that a message was made just now, and that there is nothing of what befalls messages later.
func (l *loaders) untouched(id uuid.UUID) {
	l.marks.prime(nil, id)
	l.attachments.prime(nil, id)
	l.retries.prime(nil, id)
	l.attempts.prime(nil, id)
}

// known returns those of the messages that this response holds.
func (l *loaders) known(ids []uuid.UUID) []inbox.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	messages := make([]inbox.Message, 0, len(ids))
	for _, id := range ids {
		if m, ok := l.messages[id]; ok {
			messages = append(messages, m)
		}
	}
	return messages
}

// prime gives the loaders what a snapshot of the live stream holds already. What its messages do not have there, they do not have.
func (l *loaders) prime(s *inbox.Snapshot) {
	messages := make([]inbox.Message, 0, len(s.Messages))
	ids := make([]uuid.UUID, 0, len(s.Messages))
	quotes := make(map[uuid.UUID]inbox.Message, len(s.Quotes))
	for id, m := range s.Messages {
		messages, ids = append(messages, *m), append(ids, id)
		if quoted := s.Quotes[id]; quoted != nil {
			quotes[id] = *quoted
		}
	}
	l.contacts.prime(s.Contacts)
	l.accounts.prime(s.Accounts)
	l.agents.prime(s.Agents)
	l.teams.prime(s.Teams)
	l.attachments.prime(s.Attachments, ids...)
	l.marks.prime(s.Marks, ids...)
	l.retries.prime(s.Retries, ids...)
	l.quoted.prime(quotes, ids...)
	l.know(messages...)
}

// messagePage returns a page of a conversation's messages. Within a list, the pages of all its conversations are read together.
func (l *loaders) messagePage(ctx context.Context, id uuid.UUID, input inbox.MessagePageInput) (inbox.MessagePage, error) {
	key := inboxPage{first: value(input.First), last: value(input.Last), after: value(input.After), before: value(input.Before)}
	l.mu.Lock()
	pages, ok := l.pages[key]
	if !ok {
		pages = mapped(func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) (map[uuid.UUID]inbox.MessagePage, error) {
			pages, err := l.inbox.MessagesOf(ctx, actor, ids, input)
			for _, page := range pages { // all of them at once, before the first field of the first asks
				l.know(nodesOf(page)...)
			}
			return pages, err
		})
		if inList(ctx) && input.After == nil && input.Before == nil {
			pages.expect(l.siblings...)
		}
		l.pages[key] = pages
	}
	l.mu.Unlock()
	page, found, err := pages.load(ctx, id)
	if err == nil && !found {
		err = inbox.NoConversation()
	}
	return page, err
}

func nodesOf(page inbox.MessagePage) []inbox.Message {
	nodes := make([]inbox.Message, len(page.Edges))
	for i := range page.Edges {
		nodes[i] = page.Edges[i].Node
	}
	return nodes
}

// inList reports whether the field being resolved belongs to an entry of a list.
func inList(ctx context.Context) bool {
	for field := graphql.GetFieldContext(ctx); field != nil; field = field.Parent {
		if field.Index != nil {
			return true
		}
	}
	return false
}

func expectOptional[V any](l *byID[V], id *uuid.UUID) {
	if id != nil {
		l.expect(*id)
	}
}

// required returns the value that a row points to, which is there as long as the row is.
func required[V any](ctx context.Context, l *byID[V], id uuid.UUID) (V, error) {
	v, _, err := l.load(ctx, id)
	return v, err
}

// maybe returns what an id points to, or the zero value for no id.
func maybe[V any](ctx context.Context, l *byID[V], id *uuid.UUID) (V, error) {
	if id == nil {
		var none V
		return none, nil
	}
	return required(ctx, l, *id)
}

// value returns what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}
