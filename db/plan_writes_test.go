package db_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// writes are what is done for a message in and a message out.
func (f *filled) writes() []hot {
	return []hot{
		{"what stands where messages arrive", f.writing(func(ctx context.Context, tx *db.Tx) error {
			standing, err := tx.LockStanding(ctx, inbox.Arriving{
				Refs:     []inbox.ExternalRef{{ChannelAccountID: of("account", 1), ExternalID: "wamid.7"}},
				Senders:  []inbox.Identity{{Kind: inbox.IdentityPhone, Value: "+491000011"}},
				Accounts: []uuid.UUID{of("account", 1)}, Others: []uuid.UUID{of("conversation", 900)},
			})
			if err == nil && (len(standing.Conversations) != 2 || len(standing.Known) != 1) {
				err = fmt.Errorf("%d conversations, %d known", len(standing.Conversations), len(standing.Known))
			}
			return err
		}), 30},
		{"who goes on with a conversation", f.writing(func(ctx context.Context, tx *db.Tx) error {
			standing, err := tx.LockStanding(ctx, inbox.Arriving{
				Refs:     []inbox.ExternalRef{{ChannelAccountID: of("account", 1), ExternalID: "wamid.7"}},
				Senders:  []inbox.Identity{{Kind: inbox.IdentityPhone, Value: "+491000011"}},
				Accounts: []uuid.UUID{of("account", 1)},
			})
			if err == nil && (len(standing.Conversations) != 1 || len(standing.Known) != 1) {
				err = fmt.Errorf("%d conversations, %d known", len(standing.Conversations), len(standing.Known))
			}
			return err
		}), 25},
		{"one message in", f.writing(func(ctx context.Context, tx *db.Tx) error { return f.arrive(ctx, tx, 1) }), 60},
		{"ten messages in", f.writing(func(ctx context.Context, tx *db.Tx) error { return f.arrive(ctx, tx, 10) }), 500},
		{"what an agent reads", f.writing(func(ctx context.Context, tx *db.Tx) error {
			r, err := tx.Reading(ctx, of("agent", 2), of("conversation", 20), of("message", 104))
			if err != nil || r.Cursor == nil {
				return fmt.Errorf("%v, %w", r.Cursor, err)
			}
			return tx.PutReadCursor(ctx, *r.Cursor, false)
		}), 20},
		{"the place of a message in", f.writing(func(ctx context.Context, tx *db.Tx) error {
			r, err := tx.Reading(ctx, of("agent", 2), of("conversation", 20), of("message", 102))
			if err != nil || r.Message == nil || *r.Message != (inbox.ReadPlace{Seq: 3, InboundNo: 3}) {
				return fmt.Errorf("%v, %w", r.Message, err)
			}
			return nil
		}), 5},
		{"a claim of 32 and what comes of it", f.writing(func(ctx context.Context, tx *db.Tx) error {
			attempts := make([]uuid.UUID, 32)
			for i := range attempts {
				attempts[i] = inboxtest.NewID()
			}
			due, err := tx.Claim(ctx, of("account", 4), attempts, outbound.ClaimLimits{Lease: time.Minute, Call: time.Second})
			if err != nil || len(due) != 32 {
				return fmt.Errorf("%d are due, %w", len(due), err)
			}
			return f.finish(ctx, tx, due)
		}), 1500},
		{"receipts", f.writing(func(ctx context.Context, tx *db.Tx) error {
			ref := outbound.Ref{ChannelAccountID: of("account", 1), ExternalID: "wamid.58"}
			calls, err := tx.CallsByExternalIDs(ctx, []outbound.Ref{ref})
			if err != nil || len(calls) != 1 {
				return fmt.Errorf("%d calls, %w", len(calls), err)
			}
			messages := []uuid.UUID{calls[0].MessageID}
			if _, err := tx.LockDeliveries(ctx, messages); err != nil {
				return err
			}
			_, err = tx.InsertFacts(ctx, time.Now(), []outbound.Fact{{MessageID: messages[0], Kind: outbound.FactRead, At: time.Now()}})
			if err != nil {
				return err
			}
			if _, err = tx.FactsByMessageIDs(ctx, messages); err != nil {
				return err
			}
			if _, err = tx.TakeParked(ctx, []outbound.Ref{ref}); err != nil {
				return err
			}
			return tx.UpdateDeliveries(ctx, map[uuid.UUID]outbound.Delivery{messages[0]: {Status: inbox.MessageRead}}, nil)
		}), 60},
		{"when a lane is due again", f.writing(func(ctx context.Context, tx *db.Tx) error {
			if _, _, err := tx.NextDue(ctx, of("account", 4), time.Now()); err != nil {
				return err
			}
			_, err := tx.Overdue(ctx, of("account", 4), 32)
			return err
		}), 150},
		{"a key of idempotency", f.writing(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.TakeKey(ctx, of("agent", 0), inboxtest.NewID().String(), "sendMessage", []byte("hash"))
			return err
		}), 30},
	}
}

// arrive writes what n messages to n conversations write.
func (f *filled) arrive(ctx context.Context, tx *db.Tx, n int) error {
	var ids []uuid.UUID
	for i := range n {
		ids = append(ids, of("conversation", 2000+i))
	}
	conversations, err := tx.LockConversations(ctx, ids)
	if err != nil || len(conversations) != n {
		return fmt.Errorf("%d conversations, %w", len(conversations), err)
	}
	now := time.Now()
	messages, items := make([]inbox.Message, n), make([]inbox.JournalItem, n)
	for i := range conversations {
		c := &conversations[i]
		c.Version, c.LastSeq, c.InboundCount, c.LastMessageAt = c.Version+1, c.LastSeq+1, c.InboundCount+1, now
		id := inboxtest.NewID()
		messages[i] = inbox.Message{ID: id, ConversationID: c.ID, ChannelAccountID: c.ChannelAccountID, Seq: c.LastSeq, InboundNo: c.InboundCount, Direction: inbox.Inbound,
			Kind: channel.KindText, Text: "hello", Status: inbox.MessageReceived, ExternalID: id.String(), Version: 1, CreatedAt: now}
		items[i] = inbox.JournalItem{ID: id, ChannelAccountID: c.ChannelAccountID, Provider: "meta", Kind: inbox.ItemMessage, Outcome: inbox.Applied, ReceivedAt: now}
		tx.Record(inbox.ConversationEvent(inbox.EventConversationCreated, inbox.SystemActor(f.tenant), nil, c, now))
	}
	for _, err := range []error{tx.UpdateConversations(ctx, conversations), tx.InsertMessages(ctx, messages), tx.InsertJournal(ctx, items)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// finish records that the calls were accepted, of half of them, and that the others failed.
func (f *filled) finish(ctx context.Context, tx *db.Tx, due []outbound.Due) error {
	var endings []outbound.Ending
	var steps []outbound.Step
	var messages, conversations []uuid.UUID
	for i, d := range due {
		endings = append(endings, outbound.Ending{AttemptID: d.AttemptID, Outcome: outbound.AttemptAccepted, ExternalID: d.AttemptID.String()})
		if i%2 == 0 {
			messages, conversations = append(messages, d.MessageID), append(conversations, d.ConversationID)
		} else {
			steps = append(steps, outbound.Step{MessageID: d.MessageID, Attempt: d.Attempt, State: outbound.Ready, Wait: time.Hour, Tries: 1})
		}
	}
	for _, err := range []error{
		tx.FinishAttempts(ctx, endings), tx.StepDispatches(ctx, steps), tx.DeleteDispatches(ctx, messages), tx.CallNext(ctx, conversations),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
