package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// gated is a Store whose first transactions wait until the test lets them go, so that what arrives meanwhile can be counted.
type gated struct {
	inbox.Store
	entered chan struct{} // receives one value for every transaction that begins before pass is closed
	pass    chan struct{} // closed: everybody may go on
	begun   atomic.Int64
}

func (g *gated) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	g.begun.Add(1)
	select {
	case g.entered <- struct{}{}:
		<-g.pass
	case <-g.pass: // nobody counts any more
	}
	return g.Store.InTenant(ctx, tenant, fn)
}

// arrive delivers each of the bodies in a goroutine of its own while the first one's transaction is under way, and returns their answers.
func arrive(t *testing.T, in *inbox.Ingest, g *gated, bodies ...[]channel.Item) []error {
	t.Helper()
	answers := make([]error, len(bodies))
	var all sync.WaitGroup
	all.Go(func() { answers[0] = deliver(in, bodies[0]...) })
	<-g.entered
	for i := 1; i < len(bodies); i++ {
		all.Go(func() { answers[i] = deliver(in, bodies[i]...) })
	}
	items := 0
	for _, body := range bodies[1:] {
		items += len(body)
	}
	eventually(t, func() bool { return in.Waiting() == items })
	close(g.pass)
	all.Wait()
	return answers
}

func newGated(store inbox.Store) *gated {
	return &gated{Store: store, entered: make(chan struct{}), pass: make(chan struct{})}
}

func TestRequestsThatArriveDuringACommitShareTheNextOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4001")
	g := newGated(w.DB)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store = g })
	var bodies [][]channel.Item
	for i := range 40 {
		bodies = append(bodies, []channel.Item{h.text(fmt.Sprintf("m%d", i), "+491711234567", "x")})
	}
	for i, err := range arrive(t, in, g, bodies...) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if n := g.begun.Load(); n != 2 {
		t.Errorf("%d transactions for 40 requests, want 2", n)
	}
	if n := w.count("messages"); n != 40 {
		t.Errorf("%d messages", n)
	}
}

// R3: one poisonous item neither harms its neighbours in the body nor the requests that share its transaction.
func TestPoisonIsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4002")
	g := newGated(w.DB)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store = g })
	file := h.item(channel.Inbound{ExternalID: "file", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindImage,
		Content: channel.Content{Media: &channel.Media{ID: "77", Filename: "bad\x00name"}}})
	bodies := [][]channel.Item{
		{h.text("m0", "+491711234567", "first")},
		{h.text("m1", "+491711234567", "good"), h.text("m2", "+491711234567", "bad \x00 text"), h.text("m3", "+491711234567", "good too"), file},
		{h.text("m4", "+491711234567", "neighbour")},
		{h.item(channel.Inbound{ExternalID: "r", From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindReaction, Target: "m0", Text: "\x00"}),
			h.text("m5", "+491711234567", "good")},
		{h.item(channel.Inbound{ExternalID: strings.Repeat("x", 5000), From: channel.Sender{Phone: "+491711234567"}, Kind: channel.KindText})},
		{{AccountRef: h.ref, Key: "sha256:1", Raw: []byte(`{"broken":`), Reason: "not JSON"}},
	}
	for i, err := range arrive(t, in, g, bodies...) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if got := many[string](w, "SELECT external_id FROM messages ORDER BY 1"); !slices.Equal(got, []string{"m0", "m1", "m3", "m4", "m5"}) {
		t.Errorf("messages = %v", got)
	}
	reasons := many[string](w, "SELECT reason FROM webhook_items WHERE state = 'QUARANTINED' ORDER BY reason")
	if len(reasons) != 5 || !strings.Contains(strings.Join(reasons, "|"), "SQLSTATE 22") || !strings.Contains(strings.Join(reasons, "|"), "not JSON") {
		t.Errorf("reasons = %q", reasons)
	}
	if n := one[int64](w, "SELECT count(*) FROM webhook_items WHERE state = 'QUARANTINED' AND raw IS NULL"); n != 0 {
		t.Errorf("%d quarantined items lost their bytes", n)
	}
	if n := w.count("attachments"); n != 0 {
		t.Errorf("%d attachments of a message that is not there", n)
	}
	if sum := h.balanced(); sum.Received != 10 || sum.Applied != 5 || sum.Quarantined != 5 {
		t.Errorf("ledger = %+v", sum)
	}
	if n := one[int64](w, "SELECT count(*) FROM events e WHERE kind = 'MESSAGE_CREATED' AND EXISTS (SELECT FROM messages m WHERE m.id = e.message_id)"); n != 5 ||
		n != one[int64](w, "SELECT count(*) FROM events WHERE kind = 'MESSAGE_CREATED'") {
		t.Errorf("%d of the MESSAGE_CREATED events are about messages that are there", n)
	}
	if n := one[int64](w, "SELECT count(*) FROM events WHERE kind = 'MESSAGE_CHANGED'"); n != 0 {
		t.Error("a reaction that could not be stored left an event")
	}
	seqs := many[int64](w, "SELECT seq FROM events ORDER BY seq")
	for i, seq := range seqs {
		if seq != int64(i)+1 {
			t.Fatalf("events are numbered %v", seqs)
		}
	}
}

// leaving is a Store whose second transaction fails as over poison, and whose database is away from then on.
type leaving struct {
	inbox.Store
	begun atomic.Int64
}

func (s *leaving) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	switch s.begun.Add(1) {
	case 1:
		return s.Store.InTenant(ctx, tenant, fn)
	case 2:
		return errors.New("poison")
	default:
		return fault.New(fault.Unavailable, "the database is away")
	}
}

// When the database goes away while requests are stored one by one, it is asked once: each asking may take 20 s, and all of them wait.
func TestPoisonBeforeAnOutageKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4012")
	away := &leaving{Store: w.DB}
	g := newGated(away)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store = g })
	var bodies [][]channel.Item
	for i := range 5 {
		bodies = append(bodies, []channel.Item{h.text(fmt.Sprint("m", i), "+491711234567", "x")})
	}
	for i, err := range arrive(t, in, g, bodies...) {
		if (err == nil) != (i == 0) || err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if n := away.begun.Load(); n != 3 {
		t.Errorf("%d transactions were begun, want the first, the poisoned one and one that finds the database away", n)
	}
}

// A panic over one item is one quarantined item, which can be replayed.
func TestPanicIsOneQuarantinedItem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4003")
	in := w.ingest(func(c *inbox.IngestConfig) { c.Receipts = panicking{} })
	w.send(in, h.text("m1", "+491711234567", "hello"),
		channel.Item{AccountRef: h.ref, Key: "m0:sent", Raw: []byte("{}"), Event: channel.StatusChanged{ExternalID: "m0", Status: channel.StatusSent}})
	if n := w.count("messages"); n != 1 {
		t.Errorf("%d messages", n)
	}
	if sum := h.balanced(); sum.Applied != 1 || sum.Quarantined != 1 {
		t.Errorf("ledger = %+v", sum)
	}
}

type panicking struct{}

func (panicking) MatchReceipts(context.Context, inbox.Tx, time.Time, []inbox.Receipt) (inbox.MatchedReceipts, error) {
	panic("a bug")
}

// H24, R6: the content says whose an item is.
func TestTenantByContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.house("4004"), w.house("4005")
	in := w.ingest()
	at := func(own *house, items ...channel.Item) error {
		return in.Ingest(context.Background(), []inbox.Request{{Provider: "meta", Items: items,
			Endpoint: &inbox.Route{Tenant: own.tenant, Account: own.account}}})[0]
	}
	stranger := h0("4999").text("s", "+491711234567", "to nobody")
	if err := at(b, a.text("a1", "+491711234567", "for a")); !errors.Is(err, inbox.ErrForeign) {
		t.Errorf("an item of a at b's address: %v", err)
	}
	if err := at(b, stranger); !errors.Is(err, inbox.ErrForeign) {
		t.Errorf("an item of nobody at b's address: %v", err)
	}
	if n := w.count("webhook_items") + w.count("messages") + w.count("app.unrouted_webhook_items"); n != 0 {
		t.Errorf("%d rows were stored", n)
	}
	must(t, at(b, b.text("b1", "+491711234567", "for b"), a.text("a2", "+491711234567", "for a"),
		channel.Item{Key: "k", Raw: []byte("{"), Reason: "names no account"}))
	if n := one[int64](w, "SELECT count(*) FROM messages WHERE tenant_id = $1", a.tenant.UUID()); n != 0 {
		t.Errorf("%d messages reached a through b's address", n)
	}
	if sum := b.balanced(); sum.Applied != 1 || sum.Quarantined != 1 {
		t.Errorf("b's ledger = %+v", sum)
	}
	// The address that all share serves both, and keeps what belongs to nobody.
	w.send(in, a.text("a3", "+491711234567", "for a"), b.text("b3", "+491711234567", "for b"), stranger)
	if n := one[int64](w, "SELECT count(*) FROM messages WHERE external_id IN ('a3', 'b3')"); n != 2 {
		t.Errorf("%d of 2 messages", n)
	}
	if got := many[string](w, "SELECT account_ref FROM app.unrouted_webhook_items ORDER BY 1"); !slices.Equal(got, []string{"4004", "4999"}) {
		t.Errorf("unrouted = %v", got)
	}
}

// h0 is a house that is not in the database.
func h0(ref string) *house { return &house{ref: ref} }

// A batch of any size costs the same number of statements.
func TestStatementsDoNotGrowWithTheBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4006")
	var sent atomic.Int64
	counted, err := db.Open(context.Background(), db.Config{URL: w.AppURL, Statement: func(string) { sent.Add(1) }})
	must(t, err)
	t.Cleanup(counted.Close)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Directory = counted, counted })
	cost := func(batch string, people, each int) int64 {
		var items []channel.Item
		for p := range people {
			for i := range each {
				id := fmt.Sprintf("%s-%d-%d", batch, p, i)
				phone := fmt.Sprintf("+4917112345%02d", p)
				items = append(items, h.text(id, phone, "x"),
					h.item(channel.Inbound{ExternalID: id + "r", From: channel.Sender{Phone: phone}, Kind: channel.KindReaction, Target: id, Text: "👍"}),
					h.item(channel.Inbound{ExternalID: id + "f", From: channel.Sender{Phone: phone}, Kind: channel.KindImage,
						Content: channel.Content{Media: &channel.Media{ID: "1"}}}))
			}
		}
		sent.Store(0)
		w.send(in, items...)
		return sent.Load()
	}
	cost("warm", 50, 1)
	small, large := cost("one", 1, 1), cost("many", 50, 6)
	if small+1 != large { // somebody known who is alone in his batch is found in one statement less
		t.Errorf("3 items cost %d statements, 900 cost %d", small, large)
	}
	if n := w.count("messages"); n != 2*(50+1+300) {
		t.Errorf("%d messages", n)
	}
	t.Logf("%d statements a transaction", small)
}

func TestFullQueueAndStoppedIngestAreUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4007")
	g := newGated(w.DB)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Waiting = g, 3 })
	bodies := [][]channel.Item{{h.text("a", "+491711234567", "x")}, {h.text("b", "+491711234567", "x"), h.text("c", "+491711234567", "x")}}
	first := make(chan error, 1)
	go func() { first <- deliver(in, bodies[0]...) }()
	<-g.entered
	second := make(chan error, 1)
	go func() { second <- deliver(in, bodies[1]...) }()
	eventually(t, func() bool { return in.Waiting() == 2 })
	err := deliver(in, h.text("d", "+491711234567", "x"), h.text("e", "+491711234567", "x"))
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("a full queue answers %v", err)
	}
	close(g.pass)
	must(t, <-first)
	must(t, <-second)
	must(t, in.Drain(context.Background()))
	if err := deliver(in, h.text("f", "+491711234567", "x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a stopped ingest answers %v", err)
	}
	if n := w.count("messages"); n != 3 {
		t.Errorf("%d messages, want those that were acknowledged", n)
	}
}

// R79, H26: a request that is answered holds nothing any more, or a database that stalls has what was given up pile up in the lanes. What waits for a
// transaction is taken back, and what is in one is answered when that has ended.
func TestWhatIsAnsweredIsNotHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, other := w.house("4010"), w.house("4011")
	g := newGated(w.DB)
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store, c.Tenants = g, 1 })
	patience, lose := context.WithCancel(t.Context())
	begin := func(item channel.Item) chan error {
		answer := make(chan error, 1)
		go func() {
			answer <- in.Ingest(patience, []inbox.Request{{Provider: "meta", Items: []channel.Item{item}}})[0]
		}()
		return answer
	}
	taken := begin(h.text("a", "+491711234567", "x"))
	<-g.entered
	behind, beside := begin(h.text("b", "+491711234567", "x")), begin(other.text("c", "+491711234567", "x"))
	eventually(t, func() bool { return in.Waiting() == 2 })
	lose()
	for _, answer := range []chan error{behind, beside} {
		if err := <-answer; !fault.Is(err, fault.Unavailable) {
			t.Errorf("who could not wait was told %v", err)
		}
	}
	if n := in.Waiting(); n != 0 {
		t.Errorf("%d items are held for nobody", n)
	}
	close(g.pass)
	if err := <-taken; err != nil {
		t.Errorf("what was being stored was answered before it was: %v", err)
	}
	must(t, in.Drain(context.Background()))
	if n := w.count("messages"); n != 1 {
		t.Errorf("%d messages, want the one that was acknowledged", n)
	}
}

// R1: without the database there is no acknowledgement.
func TestNothingIsAcknowledgedFromMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.house("4008")
	gone := w.second()
	in := w.ingest(func(c *inbox.IngestConfig) { c.Store = gone })
	gone.Close()
	if err := deliver(in, h.text("a", "+491711234567", "x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a database: %v", err)
	}
	w.send(w.ingest(), h.text("a", "+491711234567", "x"))
	if sum := h.balanced(); sum.Applied != 1 || sum.Received != 1 {
		t.Errorf("ledger = %+v", sum)
	}
}
