package inbox

import (
	"context"
	"math"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// newestMessages is how many messages a page has when nobody says.
const newestMessages = 50

// MessagePageInput says which messages: First so many after a place, or the Last so many before one. Nothing set: the newest 50.
type MessagePageInput struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// MessageQuery asks the store for messages of conversations: from the oldest with seq above After, or backwards from the newest with
// seq below Before.
type MessageQuery struct {
	Conversations []uuid.UUID
	After, Before int64
	Backwards     bool
	Limit         int
}

// MessagePage is a page of a conversation's messages, in order.
type MessagePage struct {
	Edges       []MessageEdge
	HasNext     bool
	HasPrevious bool
	Cursor      Cursor // where the stream stood when this was read
}

// MessageEdge is a message in its conversation.
type MessageEdge struct {
	Cursor string
	Node   Message
}

// Messages returns a page of the messages of a conversation that the actor sees. It returns NotFound for any other, and Invalid for a
// page size that is not 1 to 100, for both directions at once, and for a place of another list.
func (in *Inbox) Messages(ctx context.Context, actor Actor, conversation uuid.UUID, input MessagePageInput) (MessagePage, error) {
	pages, err := in.MessagesOf(ctx, actor, []uuid.UUID{conversation}, input)
	if err != nil {
		return MessagePage{}, err
	}
	page, ok := pages[conversation]
	if !ok {
		return MessagePage{}, NoConversation()
	}
	return page, nil
}

// MessagesOf is Messages for many conversations in the same few statements; those that the actor does not see are absent. A place can
// be given for a single conversation only.
func (in *Inbox) MessagesOf(
	ctx context.Context, actor Actor, conversations []uuid.UUID, input MessagePageInput,
) (map[uuid.UUID]MessagePage, error) {
	query, err := input.query(actor.Tenant(), conversations)
	if err != nil {
		return nil, err
	}
	pages := make(map[uuid.UUID]MessagePage, len(conversations))
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		cursor, err := cursorNow(ctx, tx)
		if err != nil {
			return err
		}
		found, err := tx.ConversationsByIDs(ctx, conversations)
		if err != nil {
			return err
		}
		last := make(map[uuid.UUID]int64, len(found))
		query.Conversations = nil
		for _, c := range found {
			if actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID) {
				query.Conversations = append(query.Conversations, c.ID)
				last[c.ID] = c.LastSeq
			}
		}
		tx.Last()
		messages, err := tx.MessagePages(ctx, query)
		if err != nil {
			return err
		}
		byConversation := make(map[uuid.UUID][]Message, len(found))
		for _, m := range messages {
			byConversation[m.ConversationID] = append(byConversation[m.ConversationID], m)
		}
		for id, lastSeq := range last {
			pages[id] = query.page(messageList(actor.Tenant(), id), byConversation[id], lastSeq, cursor)
		}
		return nil
	})
	return pages, err
}

// page makes a page of messages that were read under the query. Numbers have no gaps, so what lies beyond follows from them.
func (q MessageQuery) page(list messageMark, messages []Message, lastSeq int64, cursor Cursor) MessagePage {
	page := MessagePage{Cursor: cursor}
	for _, m := range messages {
		page.Edges = append(page.Edges, MessageEdge{Cursor: list.place(m.Seq), Node: m})
	}
	if n := len(messages); n > 0 {
		page.HasPrevious, page.HasNext = messages[0].Seq > 1, messages[n-1].Seq < lastSeq
	} else if lastSeq > 0 {
		page.HasPrevious, page.HasNext = !q.Backwards, q.Backwards
	}
	return page
}

// query returns what to ask the store, or Invalid.
func (p MessagePageInput) query(tenant TenantID, conversations []uuid.UUID) (MessageQuery, error) {
	q := MessageQuery{Backwards: p.First == nil && p.After == nil, Before: math.MaxInt64, Limit: newestMessages}
	if !q.Backwards && (p.Last != nil || p.Before != nil) {
		return q, fault.BadField("last", "go either forwards with first and after, or backwards with last and before")
	}
	for field, size := range map[string]*int{"first": p.First, "last": p.Last} {
		if size == nil {
			continue
		}
		if *size < 1 || *size > maxPage {
			return q, fault.BadField(field, "a page has 1 to %d items", maxPage)
		}
		q.Limit = *size
	}
	for field, place := range map[string]*string{"after": p.After, "before": p.Before} {
		if place == nil {
			continue
		}
		if len(conversations) != 1 {
			return q, fault.BadField(field, "a cursor belongs to one conversation; ask for its messages alone")
		}
		seq, err := messageList(tenant, conversations[0]).parse(field, *place)
		if err != nil {
			return q, err
		}
		if field == "after" {
			q.After = seq
		} else {
			q.Before = seq
		}
	}
	return q, nil
}
