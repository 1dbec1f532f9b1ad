package live_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/live"
)

const deadline = 30 * time.Second

// process is what one API process has: a pool, a hub, and the two ends of NOTIFY.
type process struct {
	db  *db.DB
	hub *live.Hub
}

// options change how a process of a test works.
type options struct {
	deaf  bool // neither woken by its own commits nor by NOTIFY
	alone bool // woken by its own commits only
	live  live.Config
	// clumsy lets audiences and takers panic.
	clumsy bool
	// source wraps the source that the hub reads.
	source func(live.Source) live.Source
}

// launch starts a process on the world's database; it ends with the test.
func launch(t *testing.T, w *inboxtest.World, o options) *process {
	t.Helper()
	p := &process{}
	var notifier *db.Notifier
	ready := make(chan struct{})
	opened, err := db.Open(t.Context(), db.Config{URL: w.AppURL, MaxConns: 16, Log: slog.New(slog.DiscardHandler),
		Committed: func(tenant inbox.TenantID, seq int64) {
			<-ready
			if !o.deaf {
				p.hub.Wake(tenant, seq)
			}
			notifier.Committed(tenant, seq)
		}})
	if err != nil {
		t.Fatal(err)
	}
	p.db, notifier = opened, opened.Notifier()
	o.live.Source = opened.Stream()
	if o.source != nil {
		o.live.Source = o.source(o.live.Source)
	}
	if o.live.Log == nil && !o.clumsy {
		o.live.Log = slog.New(strict{t})
	}
	p.hub = live.New(o.live)
	close(ready)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	listening := make(chan struct{})
	var once sync.Once
	run := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	run(p.hub.Run)
	run(notifier.Run)
	if o.deaf || o.alone {
		once.Do(func() { close(listening) })
	} else {
		run(db.NewListener(db.ListenConfig{URL: w.AppURL, Heard: p.hub.Hint, Resumed: func() {
			p.hub.WakeAll()
			once.Do(func() { close(listening) })
		}}).Run)
	}
	t.Cleanup(func() {
		cancel()
		parts.Wait()
		opened.Close()
	})
	<-listening
	return p
}

// strict fails the test for everything that is logged as an error, such as a panic of a taker.
type strict struct{ t *testing.T }

func (s strict) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (s strict) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		s.t.Errorf("%s: %s", r.Message, a)
		return true
	})
	return nil
}

func (s strict) WithAttrs([]slog.Attr) slog.Handler { return s }

func (s strict) WithGroup(string) slog.Handler { return s }

// visible is an audience of whoever sees the conversation before or after the event.
type visible struct{ _ int }

func (*visible) Wants(e *inbox.Event) bool { return e.ConversationID != nil }

func (*visible) Needs() inbox.Reach { return inbox.WholeReach() }

func (*visible) View(item *live.Item, actor inbox.Actor) live.View {
	v := actor.Visibility()
	if v.Sees(*item.ChannelAccountID, item.AssigneeBefore) || v.Sees(*item.ChannelAccountID, item.AssigneeAfter) {
		return live.Gone + 1
	}
	return live.Nothing
}

// modest is an audience that does not need everything.
type modest struct {
	visible
	needs inbox.Reach
}

func (m *modest) Needs() inbox.Reach { return m.needs }

// client is a taker with a bounded buffer and a reader that can be stopped.
type client struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	size    int
	needs   inbox.Reach // what it looks at
	frozen  bool        // takes nothing out of the buffer
	buffer  int
	taken   []*live.Item // not flushed yet
	got     []int64
	items   []*live.Item
	caught  int
	ended   bool
	reason  live.Reason
	cursor  string
	recheck func(inbox.Actor) error
}

func newClient(size int) *client { return &client{size: size, changed: make(chan struct{})} }

func (c *client) touch() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *client) Take(item *live.Item, _ live.View) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		panic("Take after End")
	}
	if c.buffer >= c.size {
		return false
	}
	if item.Snapshot() == nil || !item.Snapshot().Reach.Holds(c.needs) {
		panic("an item without what it points to")
	}
	if c.frozen {
		c.buffer++
	}
	c.taken = append(c.taken, item)
	return true
}

func (c *client) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range c.taken {
		c.got, c.items, c.cursor = append(c.got, item.Seq), append(c.items, item), item.Cursor()
	}
	c.taken = nil
	c.touch()
}

func (c *client) Wait(ctx context.Context) error {
	c.mu.Lock()
	if len(c.taken) > 0 {
		panic("Wait before Flush")
	}
	c.mu.Unlock()
	return c.until(ctx, func() bool { return c.buffer <= c.size/2 })
}

func (c *client) CaughtUp(string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.taken) > 0 {
		panic("CaughtUp before Flush")
	}
	c.caught++
	c.touch()
}

func (c *client) Recheck(_ context.Context, actor inbox.Actor) error {
	if c.recheck != nil {
		return c.recheck(actor)
	}
	return nil
}

func (c *client) End(reason live.Reason, cursor string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		panic("ended twice")
	}
	for _, item := range c.taken { // the end sends what was taken
		c.got, c.items = append(c.got, item.Seq), append(c.items, item)
	}
	c.ended, c.taken, c.reason, c.cursor = true, nil, reason, cursor
	c.touch()
}

// until waits until ok, which is called under the lock, holds.
func (c *client) until(ctx context.Context, ok func() bool) error {
	for {
		c.mu.Lock()
		done, changed := ok(), c.changed
		c.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await fails the test when ok does not hold in time.
func (c *client) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := c.until(ctx, ok); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.Fatalf("%s: not in time; got %d items (last %v), ended %v %q", what, len(c.got), tail(c.got), c.ended, c.reason)
	}
}

// over tells whether the subscription has ended.
func (c *client) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

func (c *client) seen() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func tail(seqs []int64) []int64 { return seqs[max(0, len(seqs)-3):] }

// subscribe begins a subscription and fails the test when it cannot.
func (p *process) subscribe(t *testing.T, actor inbox.Actor, audience live.Audience, after *string, c *client) (stop func()) {
	t.Helper()
	stop, err := p.hub.Subscribe(t.Context(), live.Request{Actor: actor, Audience: audience, After: after, Taker: c})
	if err != nil {
		t.Fatal(err)
	}
	return stop
}

// record commits one transaction with an event about each of the conversations.
func (p *process) record(ctx context.Context, tenant inbox.TenantID, events ...inbox.Event) error {
	return p.db.InTenant(ctx, tenant, func(tx inbox.Tx) error {
		tx.Record(events...)
		return nil
	})
}

// shop is a tenant with two accounts, one of a team, and a signed-in agent of that team.
type shop struct {
	*inboxtest.Tenant
	w                 *inboxtest.World
	team              uuid.UUID
	mine, theirs      uuid.UUID // channel accounts
	agent, supervisor inbox.Actor
	one, other        uuid.UUID // conversations on mine and theirs
}

func newShop(w *inboxtest.World, slug string) *shop {
	s := &shop{Tenant: w.Tenant(slug), w: w}
	s.team = s.Team("sales")
	rivals := s.Team("support")
	s.mine, s.theirs = s.Account("mine", &s.team), s.Account("theirs", &rivals)
	s.one, s.other = s.Conversation(s.mine), s.Conversation(s.theirs)
	s.agent = s.signIn(s.Agent("kim", inbox.RoleAgent, s.team), inbox.RoleAgent, s.mine)
	s.supervisor = s.signIn(s.Agent("lee", inbox.RoleSupervisor), inbox.RoleSupervisor)
	return s
}

func (s *shop) signIn(agent uuid.UUID, role inbox.Role, accounts ...uuid.UUID) inbox.Actor {
	actor := s.As(agent, role, accounts...)
	s.w.Exec(`INSERT INTO refresh_tokens (tenant_id, id, agent_id, family_id, hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, now(), now() + interval '1 day')`,
		s.ID.UUID(), inboxtest.NewID(), agent, actor.Session(), []byte(inboxtest.NewID().String()))
	return actor
}

// event returns a change of the conversation, which is on the account, by nobody.
func event(conversation, account uuid.UUID) inbox.Event {
	return inbox.Event{
		Kind: inbox.EventConversationAssigned, At: time.Now().UTC(), ActorKind: inbox.ActorSystem, ConversationID: &conversation,
		ChannelAccountID: &account, StatusBefore: inbox.StatusOpen, StatusAfter: inbox.StatusOpen,
	}
}

// head returns the number of the tenant's newest event.
func (s *shop) head() int64 {
	return s.w.Int("SELECT seq FROM tenant_heads WHERE tenant_id = $1", s.ID.UUID())
}

func (s *shop) event() inbox.Event { return event(s.one, s.mine) }

// cursor returns the tenant's cursor at the number.
func (p *process) cursor(t *testing.T, tenant inbox.TenantID, seq int64) *string {
	t.Helper()
	var text string
	err := p.db.ReadTenant(t.Context(), tenant, func(tx inbox.Tx) error {
		_, epoch, err := tx.Head(t.Context())
		text = inbox.Cursor{Epoch: epoch, Seq: seq}.String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return &text
}
