package jobs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// world is a business whose messages are worked by real workers over a real Redis.
type world struct {
	*inboxtest.World
	t        *testing.T
	tenant   *inboxtest.Tenant
	account  uuid.UUID
	agent    inbox.Actor
	inbox    *inbox.Inbox
	out      *outbound.Outbound
	client   *jobs.Client
	provider *provider
}

// provider takes every message after a short time and remembers who was called when.
type provider struct {
	mu    sync.Mutex
	taken map[string]int
	begun chan string
	wait  chan struct{} // when not nil, calls wait for it
}

func (*provider) Kind() string { return "stub" }

func (*provider) Receive(context.Context, channel.Endpoint, channel.Request) ([]channel.Item, error) {
	return nil, channel.ErrSignature
}

func (p *provider) Send(_ context.Context, _ channel.Account, m channel.Outbound) (channel.Receipt, error) {
	select {
	case p.begun <- m.MessageID:
	default:
	}
	if p.wait != nil {
		<-p.wait
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[m.MessageID]++
	return channel.Receipt{ExternalID: "ext-" + m.AttemptID}, nil
}

func (p *provider) most() (messages, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.taken {
		most = max(most, n)
	}
	return len(p.taken), most
}

// newWorld starts nothing: start does.
func newWorld(t *testing.T, redisURL string) *world {
	t.Helper()
	keys, err := secret.ParseKeyring("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: inboxtest.New(t), t: t, provider: &provider{taken: map[string]int{}, begun: make(chan string, 1024)}}
	w.tenant = w.Tenant("acme")
	w.account = w.tenant.Account("sales", nil)
	sealed := keys.Seal([]byte(`{}`), inbox.CredentialsPlace(w.tenant.ID, w.account))
	w.Exec("UPDATE channel_accounts SET provider = 'stub', credentials_sealed = $1", sealed)
	w.agent = w.tenant.As(w.tenant.Agent("ada", inbox.RoleAgent), inbox.RoleAgent, w.account)
	registry, err := channel.NewRegistry(w.provider)
	if err != nil {
		t.Fatal(err)
	}
	if w.client, err = jobs.NewClient(jobs.Config{RedisURL: redisURL}); err != nil {
		t.Fatal(err)
	}
	w.inbox = inbox.New(w.DB, time.Now).WithSnoozeTimer(w.client)
	w.out = outbound.New(w.DB.Outbound(), outbound.Config{Providers: registry, Secrets: keys, Bells: w.client, Clock: time.Now})
	return w
}

// start runs the client and a server until the returned function is called, which waits for their end.
func (w *world) start(cfg jobs.Config) (stop func()) {
	return w.startWith(cfg, jobs.Handlers{
		Drain: w.out.Drain, Wake: w.inbox.Wake, CallBack: w.out.CallBack, Sweep: w.out.Sweep,
		Fetch: func(context.Context, inbox.TenantID, uuid.UUID) error { return nil },
	})
}

// startWith is start with handlers that are not those of the world.
func (w *world) startWith(cfg jobs.Config, handlers jobs.Handlers) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	server := jobs.NewServer(cfg, w.client, handlers)
	var running sync.WaitGroup
	running.Go(func() { _ = w.client.Run(ctx) })
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			w.t.Errorf("server: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) send(conversation uuid.UUID, text string) inbox.Message {
	w.t.Helper()
	m, err := w.out.SendMessage(w.t.Context(), w.agent, outbound.SendMessageInput{ConversationID: conversation, Text: &text})
	if err != nil {
		w.t.Fatalf("send: %v", err)
	}
	return m.Message
}

func (w *world) sendMany(n int) {
	for i := range n {
		w.send(w.tenant.Conversation(w.account), fmt.Sprint("text ", i))
	}
}

func (w *world) sent() int64 { return w.Int("SELECT count(*) FROM messages WHERE status = 'SENT'") }

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 40 s: %s", what)
		}
	}
}
