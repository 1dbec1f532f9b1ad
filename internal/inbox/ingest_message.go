package inbox

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// incoming is one inbound message, reaction, edit or deletion while it is applied.
type incoming struct {
	index   int // in the batch
	arrival arrival
	event   channel.Inbound
	names   []name // of its sender
	person  *person
	target  *Known   // what a mark changes, when it is here; without ConversationID when it comes in the same batch
	slot    *slot    // the conversation it goes to; nil for a mark whose target is here
	message *Message // what is shown; nil for such a mark
}

func (m *incoming) ref() ExternalRef {
	return ExternalRef{ChannelAccountID: m.arrival.account, ExternalID: m.event.ExternalID}
}

func (m *incoming) targetRef() ExternalRef {
	return ExternalRef{ChannelAccountID: m.arrival.account, ExternalID: m.event.Target}
}

// applyMessages stores messages and marks as sets, in the lock order: contacts, conversations, messages. The conversations in also are
// locked with those of the messages.
func (b *batch) applyMessages(ctx context.Context, messages []*incoming, also []uuid.UUID) error {
	if len(messages) == 0 {
		return nil
	}
	targets, err := b.targets(ctx, messages)
	if err != nil {
		return err
	}
	standing, err := b.standing(ctx, messages, targets, also)
	if err != nil {
		return err
	}
	messages = b.withoutDuplicates(messages, standing.Known)
	if len(messages) == 0 {
		return nil
	}
	if err := b.people(ctx, messages, standing); err != nil {
		return err
	}
	findTargets(messages, targets)
	houses, err := b.house(ctx, messages, standing.Conversations)
	if err != nil {
		return err
	}
	if err := b.append(ctx, messages, houses); err != nil {
		return err
	}
	if err := b.attach(ctx, messages); err != nil {
		return err
	}
	if err := b.mark(ctx, messages, houses); err != nil {
		return err
	}
	b.recordPeople(messages, houses)
	return nil
}

// targets looks up the messages that marks are about.
func (b *batch) targets(ctx context.Context, messages []*incoming) (map[ExternalRef]Known, error) {
	var refs []ExternalRef
	for _, m := range messages {
		if isMark(m.event.Kind) {
			refs = append(refs, m.targetRef())
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	return b.tx.KnownExternalIDs(ctx, distinct(refs))
}

// standing looks up and locks whatever the messages meet, and the conversations of their targets and those in also with it.
func (b *batch) standing(ctx context.Context, messages []*incoming, targets map[ExternalRef]Known, also []uuid.UUID) (Standing, error) {
	arriving := Arriving{Others: slices.Clone(also)}
	for _, t := range targets {
		arriving.Others = append(arriving.Others, t.ConversationID)
	}
	var names []name
	for _, m := range messages {
		arriving.Refs = append(arriving.Refs, m.ref())
		arriving.Accounts = append(arriving.Accounts, m.arrival.account)
		names = append(names, m.names...)
	}
	for _, n := range distinct(names) {
		arriving.Senders = append(arriving.Senders, Identity{Kind: n.kind, Value: n.value})
	}
	arriving.Refs, arriving.Accounts = distinct(arriving.Refs), distinct(arriving.Accounts)
	return b.tx.LockStanding(ctx, arriving)
}

// withoutDuplicates gives every message that is stored already, or comes twice in this batch, its verdict, and returns the others. The
// real guard are two unique keys: a delivery that races another one runs again and finds it here.
func (b *batch) withoutDuplicates(messages []*incoming, known map[ExternalRef]Known) []*incoming {
	fresh := messages[:0:0]
	seen := map[ExternalRef]bool{}
	for _, m := range messages {
		if _, stored := known[m.ref()]; stored || seen[m.ref()] {
			b.verdicts[m.index] = verdict{outcome: Duplicate}
			continue
		}
		seen[m.ref()] = true
		b.verdicts[m.index] = verdict{outcome: Applied}
		fresh = append(fresh, m)
	}
	return fresh
}

// findTargets decides which marks change a message that is here, or comes with this batch. The others are shown as messages of their
// own, so that nothing is invisible.
func findTargets(messages []*incoming, targets map[ExternalRef]Known) {
	coming := map[ExternalRef]*incoming{}
	for _, m := range messages {
		if !isMark(m.event.Kind) {
			coming[m.ref()] = m
			m.message = m.shown()
		}
	}
	for _, m := range messages {
		if m.message != nil {
			continue
		}
		if stored, here := targets[m.targetRef()]; here && stored.MessageID != nil {
			m.target = &stored
			continue
		}
		if with, here := coming[m.targetRef()]; here {
			m.target = &Known{MessageID: &with.message.ID}
			continue
		}
		m.message = m.shown()
	}
}

// shown returns the message as the inbox shows it.
func (m *incoming) shown() *Message {
	sent := m.event.SentAt
	message := &Message{
		ID: m.arrival.id, Direction: Inbound, Kind: m.event.Kind, Text: m.event.Text, Content: m.event.Content, Raw: m.arrival.item.Raw,
		ExternalID: m.event.ExternalID, ReplyTo: m.event.ReplyTo, Status: MessageReceived,
	}
	if !sent.IsZero() {
		message.ProviderAt = &sent
	}
	return message
}

// append writes the messages to the ends of their conversations.
func (b *batch) append(ctx context.Context, messages []*incoming, houses *housing) error {
	var entries []Entry
	for _, m := range messages {
		if m.message == nil {
			continue
		}
		by := PersonActor(b.tenant, m.person.contact.ID)
		slot, err := houses.slot(b, m)
		if err != nil {
			return err
		}
		m.slot = slot
		entries = append(entries, Entry{Before: m.slot.before, Conversation: m.slot.conversation, Message: m.message, By: &by})
	}
	if len(houses.audit) > 0 {
		if err := b.tx.Audit(ctx, houses.audit...); err != nil {
			return err
		}
	}
	return Append(ctx, b.tx, SystemActor(b.tenant), b.now, entries)
}

// attach stores the files that the messages name. They are fetched later.
func (b *batch) attach(ctx context.Context, messages []*incoming) error {
	var attachments []Attachment
	for _, m := range messages {
		if m.message == nil || m.message.Content.Media == nil {
			continue
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		media := *m.message.Content.Media
		attachments = append(attachments, Attachment{
			ID: id, MessageID: m.message.ID, ChannelAccountID: m.arrival.account, Media: media, Filename: media.Filename,
			MIMEType: media.MIMEType, State: AttachmentPending, CreatedAt: b.now,
		})
		b.after.files = append(b.after.files, id)
	}
	if len(attachments) == 0 {
		return nil
	}
	return b.tx.InsertAttachments(ctx, attachments)
}
