package inbox

import (
	"context"

	"github.com/google/uuid"
)

// mark stores reactions, edits and deletions, and tells about the messages that they change.
func (b *batch) mark(ctx context.Context, messages []*incoming, houses *housing) error {
	conversations, err := b.changeTargets(ctx, messages, houses)
	if err != nil {
		return err
	}
	var marks []Mark
	for _, m := range messages {
		if !isMark(m.event.Kind) {
			continue
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		mark := Mark{
			ID: id, ChannelAccountID: m.arrival.account, TargetExternalID: m.event.Target, Kind: m.event.Kind, Text: m.event.Text,
			ExternalID: m.event.ExternalID, Raw: m.arrival.item.Raw, CreatedAt: b.now,
		}
		if sent := m.event.SentAt; !sent.IsZero() {
			mark.ProviderAt = &sent
		}
		if m.target != nil {
			mark.ConversationID = conversations[*m.target.MessageID]
		} else {
			mark.ConversationID = m.message.ConversationID
		}
		marks = append(marks, mark)
	}
	if len(marks) == 0 {
		return nil
	}
	return b.tx.InsertMarks(ctx, marks)
}

// changeTargets raises the versions of the messages that are here and marked, tells that they changed, and returns their conversations.
func (b *batch) changeTargets(ctx context.Context, messages []*incoming, houses *housing) (map[uuid.UUID]uuid.UUID, error) {
	by := map[uuid.UUID]*person{}
	var ids []uuid.UUID
	for _, m := range messages {
		if m.target == nil {
			continue
		}
		if by[*m.target.MessageID] == nil {
			ids = append(ids, *m.target.MessageID)
		}
		by[*m.target.MessageID] = m.person
	}
	targets, err := b.bump(ctx, ids)
	if err != nil {
		return nil, err
	}
	conversations := make(map[uuid.UUID]uuid.UUID, len(targets))
	for i := range targets {
		target := &targets[i]
		conversations[target.ID] = target.ConversationID
		c := houses.byID[target.ConversationID]
		b.tx.Record(messageEvent(EventMessageChanged, PersonActor(b.tenant, by[target.ID].contact.ID), c, c, target, b.now))
	}
	return conversations, nil
}

// bump locks the messages and raises their versions, and returns them as they are then.
func (b *batch) bump(ctx context.Context, ids []uuid.UUID) ([]Message, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	targets, err := b.tx.LockMessages(ctx, ids)
	if err != nil {
		return nil, err
	}
	versions, err := b.tx.BumpMessages(ctx, ids)
	for i := range targets {
		targets[i].Version = versions[targets[i].ID]
	}
	return targets, err
}
