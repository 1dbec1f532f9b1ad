package outbound

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// change is what fresh facts do to messages: how far each had come without them and how far it has come with them.
type change struct {
	fresh         []NewFact
	before, after map[uuid.UUID]Delivery
}

// derive brings messages to where the facts about them say they are, tells those that came further, and sees to those that have failed.
func (o *Outbound) derive(ctx context.Context, tx Tx, now time.Time, n *news, messages []Delivered,
	conversations map[uuid.UUID]*inbox.Conversation, c change,
) (result learned, err error) {
	if err := tx.UpdateDeliveries(ctx, c.after, n.external); err != nil {
		return learned{}, err
	}
	system := inbox.SystemActor(tx.Tenant())
	result.facts = c.fresh
	var lost []Delivered
	for _, m := range messages {
		d, changed := c.after[m.ID]
		if !changed || d.Rank <= c.before[m.ID].Rank {
			continue
		}
		tx.Record(statusEvent(system, m, d, now))
		if d.Status == inbox.MessageFailed {
			lost = append(lost, m)
			result.failed = append(result.failed, d.FailedCode)
		}
	}
	result.opened, err = o.seeTo(ctx, tx, system, now, n, lost, conversations)
	return result, err
}

// statuses returns how far each message had come without the fresh facts and how far it has come with them, for those that have any. About one
// that is QUEUED nothing was known before, and it is not asked for.
func statuses(ctx context.Context, tx Tx, messages []Delivered, written []Fact, fresh []NewFact) (c change, err error) {
	c = change{fresh: fresh, before: make(map[uuid.UUID]Delivery, len(messages)), after: make(map[uuid.UUID]Delivery, len(messages))}
	isNew := make(map[NewFact]bool, len(fresh))
	touched := make(map[uuid.UUID]bool, len(fresh))
	for _, f := range fresh {
		isNew[f], touched[f.MessageID] = true, true
	}
	var ids []uuid.UUID
	queued := make(map[uuid.UUID]bool, len(messages))
	for _, m := range messages {
		if queued[m.ID] = m.Status == inbox.MessageQueued; touched[m.ID] && !queued[m.ID] {
			ids = append(ids, m.ID)
		}
	}
	facts, err := tx.FactsByMessageIDs(ctx, ids)
	if err != nil {
		return c, err
	}
	facts = append(facts, slices.DeleteFunc(written, func(f Fact) bool { return !queued[f.MessageID] })...)
	known, old := make(map[uuid.UUID][]Fact, len(messages)), map[uuid.UUID][]Fact{}
	for _, f := range facts {
		known[f.MessageID] = append(known[f.MessageID], f)
		if !isNew[NewFact{MessageID: f.MessageID, Kind: f.Kind, First: true}] {
			old[f.MessageID] = append(old[f.MessageID], f)
		}
	}
	for id, facts := range known {
		c.before[id], c.after[id] = DeriveStatus(old[id]), DeriveStatus(facts)
	}
	return c, nil
}

func statusEvent(system inbox.Actor, m Delivered, d Delivery, now time.Time) inbox.Event {
	e := inbox.ConversationEvent(inbox.EventMessageStatus, system, &m.Conversation, &m.Conversation, now)
	e.MessageID, e.MessageSeq, e.Direction, e.Version = &m.ID, m.Seq, inbox.Outbound, m.Version+1
	e.MessageStatusBefore, e.MessageStatusAfter = m.Status, d.Status
	return e
}

// seeTo flags the conversations of lost messages for a person to follow up, since there is no other channel to try, and alerts. A
// template that the provider does not take is the fault of nobody in the conversation: it alerts for the account.
func (o *Outbound) seeTo(ctx context.Context, tx Tx, system inbox.Actor, now time.Time, n *news, lost []Delivered,
	conversations map[uuid.UUID]*inbox.Conversation,
) ([]Alert, error) {
	class := make(map[uuid.UUID]channel.Class, len(n.facts))
	for _, f := range n.facts {
		if f.Kind == FactFailed || f.Kind == FactPresumedFailed { // other facts beside them have no class
			class[f.MessageID] = f.class
		}
	}
	var alerts []Alert
	var flagged []inbox.Conversation
	var lines []inbox.AuditEntry
	seen := map[uuid.UUID]bool{}
	for _, m := range lost {
		account := m.Conversation.ChannelAccountID
		if class[m.ID] == channel.TemplateMissing {
			alerts = append(alerts, Alert{Kind: AlertTemplateMissing, SubjectID: account, ChannelAccountID: &account,
				Message: "The provider does not take a template: it is unknown, paused or does not fit its variables."})
			continue
		}
		c := conversations[m.Conversation.ID]
		if c == nil || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		alerts = append(alerts, Alert{Kind: AlertFollowUp, SubjectID: c.ID, ConversationID: &c.ID, ChannelAccountID: &account,
			Message: "A message could not be delivered; the contact must be reached in another way."})
		if c.FollowUpAt != nil {
			continue
		}
		was := *c
		c.FollowUpAt, c.Version = &now, c.Version+1
		flagged = append(flagged, *c)
		tx.Record(inbox.ConversationEvent(inbox.EventConversationFlagged, system, &was, c, now))
		lines = append(lines, inbox.NewAuditEntry(system, "conversation.flagged", "conversation", c.ID, nil, now))
	}
	if len(flagged) > 0 {
		if err := tx.UpdateConversations(ctx, flagged); err != nil {
			return nil, err
		}
		if err := tx.Audit(ctx, lines...); err != nil {
			return nil, err
		}
	}
	return openAlerts(ctx, tx, now, system, alerts)
}
