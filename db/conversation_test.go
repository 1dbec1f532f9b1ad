package db_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

func TestConversationsKeepEveryField(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	acme := w.Tenant("acme")
	team := acme.Team("sales")
	account, agent := acme.Account("main", &team), acme.Agent("ada", inbox.RoleAgent, team)
	at := time.Date(2026, 11, 21, 8, 30, 0, 123456000, time.UTC)
	seq := int64(7)
	full := inbox.Conversation{
		ID: inboxtest.NewID(), ContactID: acme.Contact("Sam", "+491"), ChannelAccountID: account, TeamID: &team,
		Status: inbox.StatusResolved, AssigneeID: &agent, Version: 3, LastSeq: 7, InboundCount: 5, LastMessageAt: at, LastInboundAt: &at,
		Preview: "żółć 😀", SnoozeGen: 2, ResolvedAt: &at, ResolvedAtSeq: &seq, FollowUpAt: &at, CreatedAt: at,
	}
	bare := inbox.Conversation{
		ID: inboxtest.NewID(), ContactID: acme.Contact("Kim", "+492"), ChannelAccountID: account, Status: inbox.StatusOpen, Version: 1,
		LastMessageAt: at, CreatedAt: at,
	}
	in := func(fn func(context.Context, inbox.Tx) error) error {
		return w.DB.InTenant(t.Context(), acme.ID, func(tx inbox.Tx) error { return fn(t.Context(), tx) })
	}
	check := func(want ...inbox.Conversation) {
		t.Helper()
		slices.SortFunc(want, func(a, b inbox.Conversation) int { return slices.Compare(a.ID[:], b.ID[:]) })
		err := in(func(ctx context.Context, tx inbox.Tx) error {
			got, err := tx.LockConversations(ctx, []uuid.UUID{full.ID, inboxtest.NewID(), bare.ID})
			if !reflect.DeepEqual(got, want) {
				t.Errorf("stored\n%+v\nwant\n%+v", got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(ctx context.Context, tx inbox.Tx) error {
		return tx.InsertConversations(ctx, []inbox.Conversation{full, bare})
	}
	if err := in(write); err != nil {
		t.Fatal(err)
	}
	check(full, bare)
	later := at.Add(time.Hour)
	full.Status, full.ResolvedAt, full.ResolvedAtSeq, full.FollowUpAt, full.AssigneeID, full.TeamID = inbox.StatusOpen, nil, nil, nil, nil, nil
	full.Version, full.LastSeq, full.InboundCount, full.LastMessageAt, full.LastInboundAt = 4, 8, 6, later, nil
	bare.Status, bare.SnoozedUntil, bare.SnoozeGen, bare.Version, bare.Preview = inbox.StatusSnoozed, &later, 1, 2, "x"
	update := func(ctx context.Context, tx inbox.Tx) error {
		return tx.UpdateConversations(ctx, []inbox.Conversation{full, bare})
	}
	if err := in(update); err != nil {
		t.Fatal(err)
	}
	check(full, bare)
	if err := in(update); err == nil {
		t.Error("an update that did not raise the version was accepted")
	}
	second := bare
	second.ID = inboxtest.NewID()
	err := in(func(ctx context.Context, tx inbox.Tx) error {
		return tx.InsertConversations(ctx, []inbox.Conversation{second})
	})
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.Conflict {
		t.Errorf("a second active conversation of a contact on an account: %v, want CONFLICT", err)
	}
}
