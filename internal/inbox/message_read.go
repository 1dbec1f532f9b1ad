package inbox

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// The reads below serve the fields of many messages at once. Their caller has found the messages through a conversation that the actor
// may see; what they point to elsewhere is checked here.

// MarksOf returns the newest reaction, edit and deletion of each of the messages, oldest first, by the message's id.
func (in *Inbox) MarksOf(ctx context.Context, actor Actor, messages []Message) (map[uuid.UUID][]Mark, error) {
	byRef := make(map[ExternalRef]uuid.UUID, len(messages))
	var refs []ExternalRef
	for _, m := range messages {
		if m.ExternalID != "" {
			ref := ExternalRef{ChannelAccountID: m.ChannelAccountID, ExternalID: m.ExternalID}
			byRef[ref] = m.ID
			refs = append(refs, ref)
		}
	}
	found := make(map[uuid.UUID][]Mark, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		marks, err := tx.MarksByTargets(ctx, refs)
		for _, k := range marks {
			id := byRef[ExternalRef{ChannelAccountID: k.ChannelAccountID, ExternalID: k.TargetExternalID}]
			found[id] = append(found[id], k)
		}
		return err
	})
	return found, err
}

// AttachmentsOf returns the files of the messages by the message's id.
func (in *Inbox) AttachmentsOf(ctx context.Context, actor Actor, messages []uuid.UUID) (map[uuid.UUID][]Attachment, error) {
	found := make(map[uuid.UUID][]Attachment, len(messages))
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		attachments, err := tx.AttachmentsByMessageIDs(ctx, messages)
		for _, a := range attachments {
			found[a.MessageID] = append(found[a.MessageID], a)
		}
		return err
	})
	return found, err
}

// QuotedBy returns the messages that these ones quote, by the quoting message's id. One that is not here, or that stands in a conversation
// which the actor may not see, is absent.
func (in *Inbox) QuotedBy(ctx context.Context, actor Actor, messages []Message) (map[uuid.UUID]Message, error) {
	var refs []ExternalRef
	for _, m := range messages {
		if m.ReplyTo != "" {
			refs = append(refs, ExternalRef{ChannelAccountID: m.ChannelAccountID, ExternalID: m.ReplyTo})
		}
	}
	quoted := map[uuid.UUID]Message{}
	if len(refs) == 0 {
		return quoted, nil
	}
	var found []Message
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) (err error) {
		if found, err = tx.MessagesByExternalIDs(ctx, distinct(refs)); err != nil {
			return err
		}
		found, err = visibleMessages(ctx, tx, actor, found)
		return err
	})
	byRef := make(map[ExternalRef]Message, len(found))
	for _, m := range found {
		byRef[ExternalRef{ChannelAccountID: m.ChannelAccountID, ExternalID: m.ExternalID}] = m
	}
	for _, m := range messages {
		if q, here := byRef[ExternalRef{ChannelAccountID: m.ChannelAccountID, ExternalID: m.ReplyTo}]; here && m.ReplyTo != "" {
			quoted[m.ID] = q
		}
	}
	return quoted, err
}

// RetriesOf returns, by the id of each message that was retried, the id of the message that retries it.
func (in *Inbox) RetriesOf(ctx context.Context, actor Actor, messages []uuid.UUID) (retries map[uuid.UUID]uuid.UUID, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		retries, err = tx.MessageRetries(ctx, messages)
		return err
	})
	return retries, err
}

// RawOf returns the bytes of those of the messages that came in, exactly as they came, by the message's id.
func (in *Inbox) RawOf(ctx context.Context, actor Actor, messages []uuid.UUID) (raws map[uuid.UUID][]byte, err error) {
	err = in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		tx.Last()
		raws, err = tx.MessageRaws(ctx, messages)
		return err
	})
	return raws, err
}

// Attachment returns a file for download. It returns NotFound when there is none, or when the actor may not see its conversation.
func (in *Inbox) Attachment(ctx context.Context, actor Actor, id uuid.UUID) (Attachment, error) {
	var found Attachment
	err := in.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		attachments, err := tx.AttachmentsByIDs(ctx, []uuid.UUID{id})
		if err != nil || len(attachments) == 0 {
			return orMissing(err)
		}
		messages, err := tx.MessagesByIDs(ctx, []uuid.UUID{attachments[0].MessageID})
		if err == nil {
			messages, err = visibleMessages(ctx, tx, actor, messages)
		}
		if err != nil || len(messages) == 0 {
			return orMissing(err)
		}
		found = attachments[0]
		return nil
	})
	return found, err
}

// visibleMessages returns those of the messages whose conversation the actor may see.
func visibleMessages(ctx context.Context, tx Tx, actor Actor, messages []Message) ([]Message, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(messages))
	for i, m := range messages {
		ids[i] = m.ConversationID
	}
	conversations, err := tx.ConversationsByIDs(ctx, distinct(ids))
	if err != nil {
		return nil, err
	}
	sees := make(map[uuid.UUID]bool, len(conversations))
	for _, c := range conversations {
		sees[c.ID] = actor.Visibility().Sees(c.ChannelAccountID, c.AssigneeID)
	}
	kept := messages[:0:0]
	for _, m := range messages {
		if sees[m.ConversationID] {
			kept = append(kept, m)
		}
	}
	return kept, nil
}

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "there is no such file")
}
