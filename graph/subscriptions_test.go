package graph_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/graph"
	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

const patience = 30 * time.Second

// desk is a business with one process that serves its subscriptions.
type desk struct {
	*inboxtest.Tenant
	t              *testing.T
	w              *inboxtest.World
	db             *db.DB
	inbox          *inbox.Inbox
	hub            *live.Hub
	subscriptions  *graph.Subscriptions
	executor       *executor.Executor
	broken         atomic.Int64 // readings of alerts that fail
	clumsy         atomic.Int64 // readings of alerts or numbers that panic
	reads          atomic.Int64 // transactions that read for subscribers
	mine, theirs   uuid.UUID    // channel accounts: of the agent's team, and of another
	kim, max, boss inbox.Actor  // two agents of one team, and a supervisor
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, w: inboxtest.New(t)}
	d.Tenant = d.w.Tenant("acme")
	team, rivals := d.Team("sales"), d.Team("support")
	d.mine, d.theirs = d.Account("mine", &team), d.Account("theirs", &rivals)
	d.kim = d.signIn(d.Agent("kim", inbox.RoleAgent, team), inbox.RoleAgent, d.mine)
	d.max = d.signIn(d.Agent("max", inbox.RoleAgent, team), inbox.RoleAgent, d.mine)
	d.boss = d.signIn(d.Agent("lee", inbox.RoleSupervisor), inbox.RoleSupervisor)
	d.serve()
	return d
}

func (d *desk) signIn(agent uuid.UUID, role inbox.Role, accounts ...uuid.UUID) inbox.Actor {
	actor := d.As(agent, role, accounts...)
	d.w.Exec(`INSERT INTO refresh_tokens (tenant_id, id, agent_id, family_id, hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, now(), now() + interval '1 day')`,
		d.ID.UUID(), inboxtest.NewID(), agent, actor.Session(), []byte(actor.Session().String()))
	return actor
}

// serve starts the process; it ends with the test.
func (d *desk) serve() {
	var hub *live.Hub
	ready := make(chan struct{})
	opened, err := db.Open(d.t.Context(), db.Config{URL: d.w.AppURL, MaxConns: 16, Log: slog.New(slog.DiscardHandler),
		Committed: func(tenant inbox.TenantID, seq int64) { <-ready; hub.Wake(tenant, seq) }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.db, d.inbox = opened, inbox.New(opened, time.Now)
	hub = live.New(live.Config{Source: countedSource{opened.Stream(), d}, Poll: time.Hour, Stall: time.Second})
	d.hub = hub
	close(ready)
	read := inbox.New(countedStore{opened, d}, time.Now)
	out := outbound.New(opened.Outbound(), outbound.Config{})
	resolver := graph.NewResolver(read, out, nil, nil, time.Now)
	d.subscriptions = graph.NewSubscriptions(graph.SubscriptionsConfig{
		Alerts: func(ctx context.Context, actor inbox.Actor, ids []uuid.UUID) ([]outbound.Alert, error) {
			d.stumble()
			if d.broken.Add(-1) >= 0 {
				return nil, fault.New(fault.Unavailable, "the database is away")
			}
			return out.AlertsOf(ctx, actor, ids)
		},
		Hub: hub, Inbox: read, Resolver: resolver, Logger: slog.New(slog.DiscardHandler),
	})
	d.executor = executor.New(gen.NewExecutableSchema(gen.Config{Resolvers: resolver}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- hub.Run(ctx) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
		opened.Close()
	})
}

func (d *desk) stumble() {
	if d.clumsy.Add(-1) >= 0 {
		panic("it cannot be read")
	}
}

// countedStore counts the transactions of whoever reads for subscribers.
type countedStore struct {
	inbox.Store
	d *desk
}

func (s countedStore) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	s.d.reads.Add(1)
	s.d.stumble()
	return s.Store.ReadTenant(ctx, tenant, fn)
}

// countedSource does so for the hub.
type countedSource struct {
	live.Source
	d *desk
}

func (s countedSource) Events(
	ctx context.Context, tenant inbox.TenantID, after int64, limit int, want inbox.Want,
) (inbox.EventPage, error) {
	s.d.reads.Add(1)
	return s.Source.Events(ctx, tenant, after, limit, want)
}

func (s countedSource) Snapshot(ctx context.Context, tenant inbox.TenantID, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	s.d.reads.Add(1)
	return s.Source.Snapshot(ctx, tenant, events, reach)
}

// box is a sink that keeps everything, and takes nothing more than its size before it is emptied.
type box struct {
	mu       sync.Mutex
	changed  chan struct{}
	size     int
	buffered int
	over     bool     // the one place beyond the size is free
	held     [][]byte // not flushed yet
	payloads [][]byte
	complete int
}

func newBox() *box { return &box{changed: make(chan struct{}), size: 1 << 20, over: true} }

func (b *box) Next(payload []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.complete > 0 {
		panic("Next after Complete")
	}
	if b.buffered >= b.size && b.over {
		b.over = false
		return false
	}
	b.buffered++
	b.held = append(b.held, payload)
	return true
}

func (b *box) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.payloads, b.held = append(b.payloads, b.held...), nil
	b.touch()
}

func (b *box) touch() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *box) Wait(ctx context.Context) error {
	if b.until(ctx, func() bool { return b.buffered <= b.size/2 }) {
		return nil
	}
	return ctx.Err()
}

func (b *box) Complete() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complete++
	b.payloads, b.held = append(b.payloads, b.held...), nil
	b.touch()
}

func (b *box) until(ctx context.Context, ok func() bool) bool {
	for {
		b.mu.Lock()
		done, changed := ok(), b.changed
		b.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// await waits until ok, which is called under the lock, holds.
func (b *box) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !b.until(ctx, ok) {
		b.mu.Lock()
		defer b.mu.Unlock()
		t.Fatalf("%s: not in time; got %d items, completed %d times; the last: %s", what, len(b.payloads), b.complete, b.last())
	}
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.payloads)
}

func (b *box) last() []byte {
	if len(b.payloads) == 0 {
		return nil
	}
	return b.payloads[len(b.payloads)-1]
}

// item returns the n-th payload's one field.
func (b *box) item(t *testing.T, n int) map[string]any {
	t.Helper()
	b.await(t, "an item", func() bool { return len(b.payloads) > n })
	b.mu.Lock()
	defer b.mu.Unlock()
	var response struct {
		Data   map[string]map[string]any
		Errors []any
	}
	if err := json.Unmarshal(b.payloads[n], &response); err != nil || len(response.Errors) > 0 || len(response.Data) != 1 {
		t.Fatalf("payload %d is %s (%v)", n, b.payloads[n], err)
	}
	for _, item := range response.Data {
		return item
	}
	return nil
}

// open starts a subscription or returns why not.
func (d *desk) open(actor inbox.Actor, query string, variables map[string]any, sink graph.Sink) (stop func(), err error) {
	d.t.Helper()
	ctx := graphql.StartOperationTrace(d.t.Context())
	op, errs := d.executor.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		d.t.Fatal(errs)
	}
	return d.subscriptions.Open(ctx, actor, op, sink)
}

// follow starts a subscription and fails the test when it cannot.
func (d *desk) follow(actor inbox.Actor, query string, variables map[string]any) *box {
	d.t.Helper()
	b := newBox()
	stop, err := d.open(actor, query, variables, b)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(stop)
	return b
}

// record commits events.
func (d *desk) record(events ...inbox.Event) {
	d.t.Helper()
	err := d.db.InTenant(d.t.Context(), d.ID, func(tx inbox.Tx) error { tx.Record(events...); return nil })
	if err != nil {
		d.t.Fatal(err)
	}
}

// say appends an inbound message to the conversation as ingest does.
func (d *desk) say(conversation uuid.UUID, text string) uuid.UUID {
	d.t.Helper()
	m := inbox.Message{Direction: inbox.Inbound, Kind: "TEXT", Text: text, Status: inbox.MessageReceived}
	err := d.db.InTenant(d.t.Context(), d.ID, func(tx inbox.Tx) error {
		m.ID = uuid.Nil
		locked, err := tx.LockConversations(d.t.Context(), []uuid.UUID{conversation})
		if err != nil {
			return err
		}
		before := locked[0]
		return inbox.Append(d.t.Context(), tx, inbox.PersonActor(d.ID, before.ContactID), time.Now().UTC(),
			[]inbox.Entry{{Before: &before, Conversation: &locked[0], Message: &m}})
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return m.ID
}

// beginning returns the tenant's cursor before its first event.
func (d *desk) beginning() string {
	d.t.Helper()
	var epoch string
	err := d.db.ReadTenant(d.t.Context(), d.ID, func(tx inbox.Tx) (err error) {
		_, epoch, err = tx.Head(d.t.Context())
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return inbox.Cursor{Epoch: epoch}.String()
}
