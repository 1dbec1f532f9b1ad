package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// A write that goes out with the commit and does not do what it had to undoes everything that went with it.
func TestALateWriteThatFailsIsNotCommitted(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := inbox.Conversation{ID: inboxtest.NewID(), ContactID: acme.Contact("Sam", "+491"), ChannelAccountID: account, Status: inbox.StatusOpen,
		Version: 5, LastMessageAt: now, CreatedAt: now}
	in := func(fn func(context.Context, inbox.Tx) error) error {
		return w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error { return fn(t.Context(), tx) })
	}
	if err := in(func(ctx context.Context, tx inbox.Tx) error {
		return tx.InsertConversations(ctx, []inbox.Conversation{c})
	}); err != nil {
		t.Fatal(err)
	}
	stale, other := c, c
	stale.Version, other.ID, other.ContactID = 5, inboxtest.NewID(), acme.Contact("Kim", "+492")
	err := in(func(ctx context.Context, tx inbox.Tx) error {
		if err := tx.InsertConversations(ctx, []inbox.Conversation{other}); err != nil {
			return err
		}
		return tx.UpdateConversations(ctx, []inbox.Conversation{stale})
	})
	if err == nil {
		t.Error("an update of a row that is not older succeeded")
	}
	var found []inbox.Conversation
	err = in(func(ctx context.Context, tx inbox.Tx) (err error) {
		later := other
		later.ID, later.ContactID = inboxtest.NewID(), acme.Contact("Lee", "+493")
		if err = tx.InsertConversations(ctx, []inbox.Conversation{later}); err != nil {
			return err
		}
		found, err = tx.ConversationsByIDs(ctx, []uuid.UUID{c.ID, other.ID, later.ID})
		return err
	})
	if err != nil || len(found) != 2 {
		t.Errorf("%d conversations are there, %v; want the first and the one that was written just before the question", len(found), err)
	}
}
