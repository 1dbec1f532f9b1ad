package outbound_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// ingest returns an Ingest that applies receipts, on the store.
func (w *world) ingest(store inbox.Store) *inbox.Ingest {
	in := inbox.NewIngest(inbox.IngestConfig{
		Store: store, Receipts: w.out, Directory: w.DB, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.t.Cleanup(func() {
		if err := in.Drain(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
	return in
}

// webhook returns a request with the receipts and a text from each of the conversations' contacts.
func (w *world) webhook(receipts []inbox.Receipt, writers ...uuid.UUID) inbox.Request {
	request := inbox.Request{Provider: "stub"}
	for _, r := range receipts {
		request.Items = append(request.Items, channel.Item{
			AccountRef: "ref-" + w.account.String(), Key: inboxtest.NewID().String(), Raw: []byte(`{}`), Event: r.StatusChanged,
		})
	}
	for _, conversation := range writers {
		request.Items = append(request.Items, inboxtest.Text(w.account, w.tenant.PhoneOf(conversation), "hello").Items...)
	}
	return request
}

// The receipts and messages of one transaction take their locks in the order of everybody else: conversations together, then messages.
func TestReceiptsBesideMessagesKeepTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.tenant.Conversation(w.account), w.tenant.Conversation(w.account)
	delivered, failed := w.send(first, "hi"), w.send(second, "hi")
	w.drain()
	other, err := pgx.Connect(t.Context(), w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	run := func(sql string, args ...any) {
		t.Helper()
		if _, err := other.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run("BEGIN")
	run("SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", first)
	answer := make(chan error, 1)
	go func() {
		answer <- w.ingest(w.DB).Ingest(context.Background(), []inbox.Request{w.webhook([]inbox.Receipt{
			w.receipt(w.message(delivered.ID).ExternalID, channel.StatusDelivered, time.Now()),
			w.receipt(w.message(failed.ID).ExternalID, channel.StatusFailed, time.Now()),
		}, first)})[0]
	}()
	eventually(t, "the webhook waits for the conversation", func() bool {
		return w.Int("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	})
	run("SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE NOWAIT", second)
	run("SELECT FROM messages WHERE id = ANY ($1) FOR NO KEY UPDATE NOWAIT", []uuid.UUID{delivered.ID, failed.ID})
	run("COMMIT")
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	w.wantStatus(delivered.ID, inbox.MessageDelivered)
	w.wantStatus(failed.ID, inbox.MessageFailed)
	w.wantAlert(outbound.AlertFollowUp, 1)
}

// A receipt that no index can hold is quarantined, and harms nobody beside it.
func TestReceiptOfAnEndlessIDIsQuarantined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conversation := w.tenant.Conversation(w.account)
	var id strings.Builder
	for id.Len() < 20_000 {
		id.WriteString(rand.Text())
	}
	endless := []inbox.Receipt{w.receipt(id.String(), channel.StatusSent, time.Now())}
	if err := w.ingest(w.DB).Ingest(t.Context(), []inbox.Request{w.webhook(endless, conversation)})[0]; err != nil {
		t.Fatal(err)
	}
	if n := w.Int("SELECT count(*) FROM webhook_items WHERE state = 'QUARANTINED' AND raw IS NOT NULL"); n != 1 {
		t.Errorf("%d items are quarantined, want 1", n)
	}
	if n := w.Int("SELECT count(*) FROM webhook_items WHERE state = 'APPLIED'"); n != 1 {
		t.Errorf("%d items are applied, want 1", n)
	}
}

// undone is a store whose first transaction is rolled back at its end.
type undone struct {
	inbox.Store
	began bool
}

func (u *undone) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	first := !u.began
	u.began = true
	return u.Store.InTenant(ctx, tenant, func(tx inbox.Tx) error {
		if err := fn(tx); err != nil || !first {
			return err
		}
		return fault.New(fault.Unavailable, "the connection broke")
	})
}

// The operator hears of an alert once it is committed, and not of one that was rolled back.
func TestAlertsOfReceiptsAreAnnouncedAfterTheCommit(t *testing.T) {
	t.Parallel()
	counted := &counts{}
	w := newWorld(t, func(c *outbound.Config) { c.Metrics = counted })
	m := w.send(w.tenant.Conversation(w.account), "hi")
	w.drain()
	in := w.ingest(&undone{Store: w.DB})
	request := w.webhook([]inbox.Receipt{w.receipt(w.message(m.ID).ExternalID, channel.StatusFailed, time.Now())})
	for i, want := range []int64{0, 1} {
		err := in.Ingest(t.Context(), []inbox.Request{request})[0]
		if (err == nil) != (i == 1) {
			t.Fatalf("time %d: %v", i+1, err)
		}
		if got := counted.alerts.Load(); got != want {
			t.Errorf("%d alerts were announced after time %d, want %d", got, i+1, want)
		}
	}
}

// counts counts announced alerts.
type counts struct{ alerts atomic.Int64 }

func (*counts) Call(string, string, string, time.Duration) {}
func (*counts) Failed(string)                              {}
func (c *counts) Alert(string)                             { c.alerts.Add(1) }
func (*counts) Held(string)                                {}
func (*counts) ParkedDropped(int64)                        {}
func (*counts) Swept(string, time.Duration, bool)          {}
