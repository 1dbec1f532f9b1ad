package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
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

// An update of conversations that misses one of its rows fails, alone and among others.
func TestAnUpdateThatMissesARowFails(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	account := acme.Account("main", nil)
	ids := []uuid.UUID{acme.Conversation(account), acme.Conversation(account)}
	for _, step := range []struct {
		what      string
		n         int
		gone      bool // one of them is not there
		unchanged bool // one of them is no newer
		fails     bool
	}{
		{what: "one", n: 1}, {what: "two", n: 2},
		{what: "one that is gone", n: 1, gone: true, fails: true}, {what: "two, one gone", n: 2, gone: true, fails: true},
		{what: "one of the same version", n: 1, unchanged: true, fails: true}, {what: "two, one of the same version", n: 2, unchanged: true, fails: true},
	} {
		before := w.Text("SELECT string_agg(version::text, ' ' ORDER BY id) FROM conversations")
		err := w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
			list, err := tx.LockConversations(t.Context(), ids[:step.n])
			if err != nil {
				return err
			}
			for i := range list {
				list[i].Version++
			}
			if step.gone {
				list[0].ID = inboxtest.NewID()
			}
			if step.unchanged {
				list[0].Version--
			}
			return tx.UpdateConversations(t.Context(), list)
		})
		after := w.Text("SELECT string_agg(version::text, ' ' ORDER BY id) FROM conversations")
		if failed := err != nil; failed != step.fails || (before == after) != step.fails {
			t.Errorf("%s: %v; versions were %s and are %s", step.what, err, before, after)
		}
	}
}

// A transaction that reads ends with the read that was said to be its last; one that writes goes on and commits what it does after.
func TestALastReadEndsItsTransaction(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	contact := acme.Contact("Sam", "+491")
	read := func(ctx context.Context, tx inbox.Tx) (int, error) {
		found, err := tx.ContactsByIDs(ctx, []uuid.UUID{contact})
		return len(found), err
	}
	err := w.DB.ReadTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
		tx.Last()
		if n, err := read(t.Context(), tx); err != nil || n != 1 {
			t.Errorf("the last read found %d, %v", n, err)
		}
		if n, err := read(t.Context(), tx); err == nil {
			t.Errorf("a read after the last one found %d without an error", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	db.EachIdle(t.Context(), w.DB, func(conn *pgx.Conn) {
		if status := conn.PgConn().TxStatus(); status != 'I' {
			t.Errorf("a connection came back in state %c", status)
		}
	})
	account, now := acme.Account("main", nil), time.Now().UTC().Truncate(time.Microsecond)
	c := inbox.Conversation{ID: inboxtest.NewID(), ContactID: contact, ChannelAccountID: account, Status: inbox.StatusOpen, Version: 1,
		LastMessageAt: now, CreatedAt: now}
	err = w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
		tx.Last()
		if _, err := read(t.Context(), tx); err != nil {
			return err
		}
		return tx.InsertConversations(t.Context(), []inbox.Conversation{c})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.DB.ReadTenant(t.Context(), acme.ID, func(tx inbox.Tx) error {
		found, err := tx.ConversationsByIDs(t.Context(), []uuid.UUID{c.ID})
		if len(found) != 1 {
			t.Error("what was written after the last read was not committed")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
