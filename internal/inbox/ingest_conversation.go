package inbox

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
)

// housing is where the messages of a batch go: the locked conversations of their senders.
type housing struct {
	routings map[uuid.UUID]Routing
	current  map[Pair]*slot
	byID     map[uuid.UUID]*Conversation // every conversation in hand, those of marked messages included
	audit    []AuditEntry
}

// slot is the conversation that takes a pair's messages.
type slot struct {
	before       *Conversation // as it was stored; nil for a new one
	conversation *Conversation
	entered      bool // a message of this batch has reached it, so it is open
}

// house notes the locked conversations, the newest of each pair to take its messages, and asks for the routing of those messages that find
// none in progress.
func (b *batch) house(ctx context.Context, messages []*incoming, locked []Conversation) (*housing, error) {
	h := &housing{current: map[Pair]*slot{}, byID: make(map[uuid.UUID]*Conversation, len(locked))}
	for i := range locked {
		h.keep(&locked[i])
	}
	var accounts []uuid.UUID
	for _, m := range messages {
		if m.message == nil {
			continue
		}
		if s := h.current[m.pair()]; s == nil || s.conversation.Status == StatusResolved {
			accounts = append(accounts, m.arrival.account)
		}
	}
	if len(accounts) == 0 {
		return h, nil
	}
	var err error
	h.routings, err = b.tx.Routings(ctx, distinct(accounts))
	return h, err
}

// keep notes a locked conversation. Of a pair the active one takes messages, or else the one that was created last.
func (h *housing) keep(c *Conversation) {
	h.byID[c.ID] = c
	pair := Pair{ContactID: c.ContactID, ChannelAccountID: c.ChannelAccountID}
	if s := h.current[pair]; s != nil && !newer(c, s.before) {
		return
	}
	before := *c
	h.current[pair] = &slot{before: &before, conversation: c}
}

func newer(c, than *Conversation) bool {
	if active := c.Status != StatusResolved; active != (than.Status != StatusResolved) {
		return active
	}
	if order := c.CreatedAt.Compare(than.CreatedAt); order != 0 {
		return order > 0
	}
	return bytes.Compare(c.ID[:], than.ID[:]) > 0
}

func (m *incoming) pair() Pair {
	return Pair{ContactID: m.person.contact.ID, ChannelAccountID: m.arrival.account}
}

// slot returns the conversation that takes the message: the active one, opened if it was snoozed; the resolved one, opened again if the
// tenant's policy says so; or a new one.
func (h *housing) slot(b *batch, m *incoming) (*slot, error) {
	s, routing := h.current[m.pair()], h.routings[m.arrival.account]
	if s == nil || !s.entered && s.conversation.Status == StatusResolved && !reopens(s.conversation, routing, b.now) {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		s = &slot{entered: true, conversation: &Conversation{
			ID: id, ContactID: m.person.contact.ID, ChannelAccountID: m.arrival.account, TeamID: routing.TeamID, Status: StatusOpen,
			CreatedAt: b.now,
		}}
		h.current[m.pair()], h.byID[id] = s, s.conversation
		return s, nil
	}
	if !s.entered {
		s.entered = true
		return s, h.enter(b, s, PersonActor(b.tenant, m.person.contact.ID), routing)
	}
	return s, nil
}

// reopens tells whether a resolved conversation is continued; otherwise a new one begins.
func reopens(c *Conversation, routing Routing, now time.Time) bool {
	return c.ResolvedAt != nil && now.Sub(*c.ResolvedAt) <= time.Duration(routing.ReopenWithinDays)*24*time.Hour &&
		routing.ReopenWithinDays > 0
}

// enter moves a stored conversation as the table of transitions says for an inbound message. Append writes it.
func (h *housing) enter(b *batch, s *slot, actor Actor, routing Routing) error {
	c := s.conversation
	move, err := Next(OpInbound, c.Status)
	if err != nil || move.Event == EventMessageCreated {
		return err
	}
	if c.Status == StatusResolved && !routing.ReopenKeepsAssignee {
		c.AssigneeID = nil
	}
	c.Status, c.ResolvedAt, c.ResolvedAtSeq, c.SnoozedUntil = move.To, nil, nil, nil
	after := *c
	after.Version++ // as Append leaves it
	event := ConversationEvent(move.Event, actor, s.before, &after, b.now)
	event.Cause = move.Cause
	b.tx.Record(event)
	op := OpWake
	if move.Event == EventConversationReopened {
		op = OpReopen
	}
	h.audit = append(h.audit, changeEntry(actor, op, s.before, &after, b.now))
	s.before = &after // what the message's own event starts from
	return nil
}
