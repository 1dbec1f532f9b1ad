package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// world is a business with one channel account at a vendor, and an agent who writes.
type world struct {
	*inboxtest.World
	t       *testing.T
	tenant  *inboxtest.Tenant
	account uuid.UUID
	agent   inbox.Actor
	vendor  *vendor
	keys    *secret.Keyring
	out     *outbound.Outbound
	bells   *bells
}

// bells remembers who was rung for.
type bells struct{ rung chan uuid.UUID }

func (b *bells) Ring(_ context.Context, _ inbox.TenantID, account uuid.UUID) {
	select {
	case b.rung <- account:
	default:
	}
}

func newWorld(t *testing.T, change ...func(*outbound.Config)) *world {
	t.Helper()
	keys, err := secret.ParseKeyring("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: inboxtest.New(t), t: t, vendor: newVendor(t), keys: keys, bells: &bells{rung: make(chan uuid.UUID, 1024)}}
	w.tenant = w.Tenant("acme")
	w.account = w.addAccount(w.tenant, "sales")
	w.agent = w.tenant.As(w.tenant.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, w.account)
	w.out = w.process(change...)
	return w
}

// addAccount adds a channel account at the vendor with credentials that work.
func (w *world) addAccount(tenant *inboxtest.Tenant, name string) uuid.UUID {
	account := tenant.Account(name, nil)
	w.Exec("UPDATE channel_accounts SET provider = 'stub' WHERE id = $1", account)
	w.setToken(tenant, account, "let me in")
	return account
}

func (w *world) setToken(tenant *inboxtest.Tenant, account uuid.UUID, token string) {
	sealed := w.keys.Seal([]byte(`{"token":"`+token+`"}`), inbox.CredentialsPlace(tenant.ID, account))
	w.Exec("UPDATE channel_accounts SET credentials_sealed = $2 WHERE id = $1", account, sealed)
}

// process returns what one more process of the fleet would have.
func (w *world) process(change ...func(*outbound.Config)) *outbound.Outbound {
	return w.processOn(w.DB.Outbound(), change...)
}

// processOn is process on a store that is not the database's own.
func (w *world) processOn(store outbound.Store, change ...func(*outbound.Config)) *outbound.Outbound {
	registry, err := channel.NewRegistry(stub{url: w.vendor.server.URL, client: w.vendor.server.Client()})
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := outbound.Config{
		Providers: registry, Secrets: w.keys, Bells: w.bells, Clock: time.Now, CallTimeout: 5 * time.Second,
		Jitter: func() float64 { return 1 },
	}
	for _, c := range change {
		c(&cfg)
	}
	return outbound.New(store, cfg)
}

// send queues a text in the conversation.
func (w *world) send(conversation uuid.UUID, text string) inbox.Message {
	w.t.Helper()
	m, err := w.out.SendMessage(w.t.Context(), w.agent, outbound.SendMessageInput{ConversationID: conversation, Text: &text})
	if err != nil {
		w.t.Fatalf("send: %v", err)
	}
	return m.Message
}

// sendMany queues one text in each of n new conversations.
func (w *world) sendMany(n int) []inbox.Message {
	messages := make([]inbox.Message, n)
	for i := range messages {
		messages[i] = w.send(w.tenant.Conversation(w.account), fmt.Sprint("text ", i))
	}
	return messages
}

// drain works the lane once.
func (w *world) drain() (next time.Duration, ok bool) {
	w.t.Helper()
	next, ok, err := w.out.Drain(w.t.Context(), w.tenant.ID, w.account)
	if err != nil {
		w.t.Fatalf("drain: %v", err)
	}
	return next, ok
}

// later moves the database's clock on and works the lane.
func (w *world) later(by time.Duration) (time.Duration, bool) {
	w.t.Helper()
	w.Exec("UPDATE app.clock SET shift = shift + $1", by)
	return w.drain()
}

// message returns the message as it is stored.
func (w *world) message(id uuid.UUID) inbox.Message {
	w.t.Helper()
	var found []inbox.Message
	err := w.DB.Outbound().ReadTenant(w.t.Context(), w.tenant.ID, func(tx outbound.Tx) (err error) {
		found, err = tx.MessagesByIDs(w.t.Context(), []uuid.UUID{id})
		return err
	})
	if err != nil || len(found) != 1 {
		w.t.Fatalf("message %s: %v, %d found", id, err, len(found))
	}
	return found[0]
}

// dispatch returns the unfinished sending of the message, or nil.
func (w *world) dispatch(id uuid.UUID) *outbound.Dispatch {
	w.t.Helper()
	var found []outbound.Dispatch
	err := w.DB.Outbound().ReadTenant(w.t.Context(), w.tenant.ID, func(tx outbound.Tx) (err error) {
		found, err = tx.DispatchesByIDs(w.t.Context(), []uuid.UUID{id})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

// attempts returns the calls for the message.
func (w *world) attempts(id uuid.UUID) []outbound.Attempt {
	w.t.Helper()
	var found []outbound.Attempt
	err := w.DB.Outbound().ReadTenant(w.t.Context(), w.tenant.ID, func(tx outbound.Tx) (err error) {
		found, err = tx.AttemptsByMessageIDs(w.t.Context(), []uuid.UUID{id})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// receive applies receipts as ingest does.
func (w *world) receive(receipts ...inbox.Receipt) []inbox.Outcome {
	w.t.Helper()
	var told []inbox.Outcome
	err := w.DB.InTenant(w.t.Context(), w.tenant.ID, func(tx inbox.Tx) (err error) {
		told, err = w.apply(tx, receipts...)
		return err
	})
	if err != nil {
		w.t.Fatalf("receipts: %v", err)
	}
	return told
}

// apply applies receipts within a transaction.
func (w *world) apply(tx inbox.Tx, receipts ...inbox.Receipt) ([]inbox.Outcome, error) {
	matched, err := w.out.MatchReceipts(w.t.Context(), tx, time.Now().UTC(), receipts)
	if err != nil {
		return nil, err
	}
	return matched.Apply(w.t.Context())
}

func (w *world) receipt(external string, status channel.Status, at time.Time) inbox.Receipt {
	return inbox.Receipt{ChannelAccountID: w.account, StatusChanged: channel.StatusChanged{ExternalID: external, Status: status, At: at}}
}

func (w *world) wantStatus(id uuid.UUID, want inbox.MessageStatus) inbox.Message {
	w.t.Helper()
	m := w.message(id)
	if m.Status != want {
		w.t.Fatalf("message is %s (%s %s), want %s", m.Status, m.FailedCode, m.FailedReason, want)
	}
	return m
}

func (w *world) wantCalls(want int) {
	w.t.Helper()
	if got := len(w.vendor.seen()); got != want {
		w.t.Fatalf("the vendor saw %d calls, want %d", got, want)
	}
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func asFault(err error, target **fault.Error) bool { return errors.As(err, target) }
