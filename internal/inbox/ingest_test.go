package inbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// receipts notes what it is given; what receipts lead to is tested where it is decided.
type receipts struct {
	mu  sync.Mutex
	got []inbox.Receipt
}

func (r *receipts) MatchReceipts(_ context.Context, _ inbox.Tx, _ time.Time, batch []inbox.Receipt) (inbox.MatchedReceipts, error) {
	return noted{to: r, batch: batch}, nil
}

type noted struct {
	to    *receipts
	batch []inbox.Receipt
}

func (noted) Conversations() []uuid.UUID { return nil }

func (n noted) Apply(context.Context) ([]inbox.Outcome, error) {
	n.to.mu.Lock()
	defer n.to.mu.Unlock()
	n.to.got = append(n.to.got, n.batch...)
	return slices.Repeat([]inbox.Outcome{inbox.Applied}, len(n.batch)), nil
}

func (noted) Announce(context.Context) {}

// ingest returns an Ingest on the world's database that ends with the test.
func (w *world) ingest(change ...func(*inbox.IngestConfig)) *inbox.Ingest {
	w.t.Helper()
	config := inbox.IngestConfig{
		Store: w.DB, Receipts: &receipts{}, Directory: w.DB, Clock: time.Now, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	}
	for _, c := range change {
		c(&config)
	}
	in := inbox.NewIngest(config)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := in.Drain(ctx); err != nil {
			w.t.Error(err)
		}
	})
	return in
}

// second opens another pool on the same database, as another process would.
func (w *world) second() *db.DB {
	w.t.Helper()
	opened, err := db.Open(context.Background(), db.Config{URL: w.AppURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(opened.Close)
	return opened
}

// text returns a text message to the house.
func (h *house) text(id, phone, body string) channel.Item {
	return h.item(channel.Inbound{ExternalID: id, From: channel.Sender{Phone: phone, Name: "Kim"}, SentAt: time.Unix(1_700_000_000, 0),
		Kind: channel.KindText, Text: body})
}

func (h *house) item(event channel.Inbound) channel.Item {
	return channel.Item{AccountRef: h.ref, Key: event.ExternalID, Raw: []byte(`{"id":"` + event.ExternalID + `"}`), Event: event}
}

// send ingests the items as one webhook to the shared address and fails the test unless it is answered with success.
func (w *world) send(in *inbox.Ingest, items ...channel.Item) {
	w.t.Helper()
	if err := deliver(in, items...); err != nil {
		w.t.Fatal(err)
	}
}

func deliver(in *inbox.Ingest, items ...channel.Item) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return in.Ingest(ctx, []inbox.Request{{Provider: "meta", Items: items}})[0]
}

// balanced fails the test unless the house's ledger balances and the database proves every invariant that it can. It returns the sums.
func (h *house) balanced() inbox.LedgerLine {
	h.world.t.Helper()
	findings, err := h.world.DB.Verify(context.Background())
	must(h.world.t, err)
	for _, f := range findings {
		if f.Violations > 0 {
			h.world.t.Errorf("%s: %q", f.Check, f.Examples)
		}
	}
	var sum inbox.LedgerLine
	must(h.world.t, h.world.DB.ReadTenant(context.Background(), h.tenant, func(tx inbox.Tx) error {
		lines, err := tx.Ledger(context.Background(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		for _, l := range lines {
			if !l.Balanced() {
				h.world.t.Errorf("the ledger does not balance: %+v", l)
			}
			sum.Received += l.Received
			sum.Applied += l.Applied
			sum.Duplicate += l.Duplicate
			sum.Quarantined += l.Quarantined
		}
		return err
	}))
	return sum
}

func (h *house) events() []string {
	return many[string](h.world, "SELECT kind FROM events WHERE tenant_id = $1 ORDER BY seq", h.tenant.UUID())
}

func TestIngestMakesContactConversationAndMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, in := w.house("2001"), w.ingest()
	w.send(in, h.text("m1", "+491711234567", "hello"))
	w.send(in, h.text("m2", "+491711234567", "again"), h.text("m3", "+491719999999", "other"))
	if n := []int64{w.count("contacts"), w.count("contact_identities"), w.count("conversations"), w.count("messages")}; !slices.Equal(n, []int64{2, 2, 2, 3}) {
		t.Errorf("contacts, identities, conversations, messages = %v", n)
	}
	got := h.events()
	want := []string{"CONVERSATION_CREATED", "MESSAGE_CREATED", "MESSAGE_CREATED", "CONVERSATION_CREATED", "MESSAGE_CREATED"}
	if !slices.Equal(got, want) {
		t.Errorf("events = %v", got)
	}
	if name := one[string](w, "SELECT name FROM contacts ORDER BY id LIMIT 1"); name != "Kim" {
		t.Errorf("name = %q", name)
	}
	if sum := h.balanced(); sum.Applied != 3 || sum.Received != 3 {
		t.Errorf("ledger = %+v", sum)
	}
}

// H23, R2: identical webhooks at the same time through two pools, and again later, have one effect.
func TestIngestAppliesEveryItemOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("2002")
	other := w.second()
	lanes := []*inbox.Ingest{w.ingest(), w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Directory = other, other })}
	body := []channel.Item{h.text("a", "+491711234567", "one"), h.text("b", "+491711234567", "two"),
		h.item(channel.Inbound{ExternalID: "c", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindReaction, Text: "👍", Target: "a"})}
	var together sync.WaitGroup
	start := make(chan struct{})
	for i := range 10 {
		together.Go(func() {
			<-start
			if err := deliver(lanes[i%2], body...); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	together.Wait()
	w.send(lanes[0], append(body, body...)...)
	if n := []int64{w.count("messages"), w.count("message_marks"), w.count("contacts"), w.count("conversations")}; !slices.Equal(n, []int64{2, 1, 1, 1}) {
		t.Errorf("messages, marks, contacts, conversations = %v", n)
	}
	if n := one[int64](w, "SELECT inbound_count FROM conversations"); n != 2 {
		t.Errorf("inbound_count = %d", n)
	}
	if n := one[int64](w, "SELECT count(*) FROM events WHERE kind = 'MESSAGE_CREATED'"); n != 2 {
		t.Errorf("%d MESSAGE_CREATED events", n)
	}
	if sum := h.balanced(); sum.Applied != 3 || sum.Duplicate != 33 || sum.Received != 36 {
		t.Errorf("ledger = %+v", sum)
	}
	if n := one[int64](w, "SELECT count(*) FROM webhook_items WHERE state = 'DUPLICATE' AND raw IS NOT NULL"); n != 0 {
		t.Errorf("%d duplicates keep their bytes", n)
	}
}

// R4: an album from somebody unknown, in parallel through two pools and under two spellings of his number, is one contact and one
// conversation; R7: numbered without gaps.
func TestIngestAlbumOfAStranger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("2003")
	other := w.second()
	lanes := []*inbox.Ingest{w.ingest(), w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Directory = other, other })}
	spellings := []string{"+27821234567", "27821234567"}
	var together sync.WaitGroup
	start := make(chan struct{})
	for i := range 10 {
		together.Go(func() {
			<-start
			if err := deliver(lanes[i%2], h.text(fmt.Sprintf("p%d", i), spellings[i/2%2], "picture")); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	together.Wait()
	if n := []int64{w.count("messages"), w.count("contacts"), w.count("contact_identities"), w.count("conversations")}; !slices.Equal(n, []int64{10, 1, 1, 1}) {
		t.Errorf("messages, contacts, identities, conversations = %v", n)
	}
	seqs := many[int64](w, "SELECT seq FROM messages ORDER BY seq")
	if !slices.Equal(seqs, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Errorf("seqs = %v", seqs)
	}
	h.balanced()
}
