package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// gate accepts every token as the agent of that name until the given time, and "down" not now.
type gate struct{ expires time.Time }

func (g gate) Authenticate(_ context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	name := max(c.Bearer, c.APIKey)
	switch name {
	case "":
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "wrong")
	case "down":
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unavailable, "down")
	case "broken":
		return inbox.Actor{}, time.Time{}, errors.New("a secret")
	}
	tenant := inbox.TenantOf(uuid.MustParse("018f0000-0000-7000-8000-0000000000aa"))
	return inbox.AgentActor(tenant, uuid.NewSHA1(uuid.Nil, []byte(name)), uuid.New(), inbox.RoleAgent, nil), g.expires, nil
}

// source hands the sinks of its subscriptions to the test.
type source struct {
	opened  chan Sink
	stopped chan struct{}
}

func newSource() *source {
	return &source{opened: make(chan Sink, 100), stopped: make(chan struct{}, 100)}
}

func (s *source) Open(_ context.Context, _ inbox.Actor, _ *graphql.OperationContext, sink Sink) (func(), error) {
	s.opened <- sink
	var once sync.Once
	return func() { once.Do(func() { s.stopped <- struct{}{} }) }, nil
}

type served struct {
	*httptest.Server
	handler *Handler
	source  *source
	log     *logged
}

func serveEdge(t *testing.T, change func(*Config)) *served {
	t.Helper()
	s := &served{source: newSource()}
	s.handler, s.log = edge(t, func(c *Config) {
		c.Subscriptions, c.Auth, c.Limits = s.source, gate{}, DefaultLimits()
		c.Credentials = func(r *http.Request) auth.Credentials {
			return auth.Credentials{Bearer: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
		}
		if change != nil {
			change(c)
		}
	})
	s.Server = httptest.NewServer(s.handler)
	t.Cleanup(s.Close)
	return s
}

// dial opens a socket from the server's own page.
func (s *served) dial(t *testing.T, subprotocols ...string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols}
	conn, _, err := dialer.DialContext(t.Context(), strings.Replace(s.URL, "http", "ws", 1), http.Header{"Origin": {s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (s *served) enter(t *testing.T, name string) *websocket.Conn {
	t.Helper()
	conn := s.dial(t, "graphql-transport-ws")
	tell(t, conn, `{"type":"connection_init","payload":{"authorization":"Bearer `+name+`"}}`)
	if got := hear(t, conn); got.Type != "connection_ack" {
		t.Fatalf("got %+v", got)
	}
	return conn
}

func tell(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

type heard struct {
	ID, Type string
	Payload  json.RawMessage
}

func hear(t *testing.T, conn *websocket.Conn) heard {
	t.Helper()
	var got heard
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err := conn.ReadJSON(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// hearClose reads until the socket is closed, and returns with which code and reason.
func hearClose(t *testing.T, conn *websocket.Conn) (code int, reason string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		_, _, err := conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code, closed.Text
		}
		if err != nil {
			t.Fatalf("not closed by a frame: %v", err)
		}
	}
}

const followAlerts = `{"id":"1","type":"subscribe","payload":{"query":"subscription { alertEvents { __typename } }"}}`

func TestSocketSubprotocols(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, nil)
	for _, offered := range [][]string{nil, {"graphql-ws"}, {"x", "y"}} {
		if code, _ := hearClose(t, s.dial(t, offered...)); code != 4406 {
			t.Errorf("H6: %v was closed with %d", offered, code)
		}
	}
	if got := s.dial(t, "graphql-ws", "graphql-transport-ws").Subprotocol(); got != "graphql-transport-ws" {
		t.Errorf("chose %q", got)
	}
}

func TestSocketCredentials(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, nil)
	for payload, want := range map[string]int{
		`{"authorization":"Bearer down"}`:   websocket.CloseTryAgainLater,
		`{"authorization":"Bearer broken"}`: websocket.CloseInternalServerErr,
		`{}`:                                4403,
		`{"authorization":"Basic x"}`:       4400,
	} {
		conn := s.dial(t, "graphql-transport-ws")
		tell(t, conn, `{"type":"connection_init","payload":`+payload+`}`)
		if code, reason := hearClose(t, conn); code != want || strings.Contains(reason, "secret") {
			t.Errorf("H10: %s was closed with %d %q", payload, code, reason)
		}
	}
	// The upgrade request's own credential and that of connection_init must agree.
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, _, err := dialer.Dial(strings.Replace(s.URL, "http", "ws", 1), http.Header{"Origin": {s.URL}, "Authorization": {"Bearer ada"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	tell(t, conn, `{"type":"connection_init","payload":{"authorization":"Bearer bob"}}`)
	if code, _ := hearClose(t, conn); code != 4403 {
		t.Errorf("R55: two callers at once were closed with %d", code)
	}
	// A program without an origin connects with an API key.
	conn, _, err = dialer.Dial(strings.Replace(s.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	tell(t, conn, `{"type":"connection_init","payload":{"apiKey":"machine"}}`)
	if got := hear(t, conn); got.Type != "connection_ack" {
		t.Errorf("H5: got %+v", got)
	}
}

func TestSocketEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Auth = gate{expires: time.Now().Add(700 * time.Millisecond)} })
	conn := s.enter(t, "ada")
	tell(t, conn, followAlerts)
	<-s.source.opened
	if code, reason := hearClose(t, conn); code != 4403 || !strings.Contains(reason, "expired") {
		t.Fatalf("H8: closed with %d %q", code, reason)
	}
	<-s.source.stopped
}

// fickle accepts tokens until it is told otherwise.
type fickle struct{ revoked atomic.Bool }

func (f *fickle) Authenticate(ctx context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	if f.revoked.Load() {
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "revoked")
	}
	return gate{}.Authenticate(ctx, c)
}

func TestSocketEndsWithItsRights(t *testing.T) {
	t.Parallel()
	who := &fickle{}
	s := serveEdge(t, func(c *Config) { c.Auth = who })
	asking, following := s.enter(t, "ada"), s.enter(t, "bob")
	tell(t, following, followAlerts)
	sink := <-s.source.opened
	tell(t, asking, `{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}`)
	if got := hear(t, asking); got.Type != "next" {
		t.Fatalf("got %+v", got)
	}
	who.revoked.Store(true)
	tell(t, asking, `{"id":"2","type":"subscribe","payload":{"query":"{ __typename }"}}`)
	if code, _ := hearClose(t, asking); code != 4403 {
		t.Errorf("H12: an operation after the revocation was answered; closed with %d", code)
	}
	sink.Complete() // as the hub does at the event that revokes
	if code, _ := hearClose(t, following); code != 4403 {
		t.Errorf("H8, R45: closed with %d", code)
	}
}

// forgetful is a process that remembers for 4 s that a token was good.
type forgetful struct{ until, asked atomic.Int64 }

func (f *forgetful) Authenticate(ctx context.Context, c auth.Credentials) (inbox.Actor, time.Time, error) {
	f.asked.Add(1)
	if until := f.until.Load(); until > 0 && time.Now().UnixNano() >= until {
		return inbox.Actor{}, time.Time{}, fault.New(fault.Unauthenticated, "revoked")
	}
	return gate{}.Authenticate(ctx, c)
}

// H8, R45: a sign-in that ended in another process closes its sockets within 5 s here.
func TestSocketEndsThoughItsCredentialIsRemembered(t *testing.T) {
	t.Parallel()
	who := &forgetful{}
	s := serveEdge(t, func(c *Config) { c.Auth = who })
	following := s.enter(t, "bob")
	tell(t, following, followAlerts)
	sink := <-s.source.opened
	who.until.Store(time.Now().Add(4 * time.Second).UnixNano())
	before := who.asked.Load()
	sink.Complete()
	if code, _ := hearClose(t, following); code != 4403 || who.asked.Load() != before+2 {
		t.Errorf("closed with %d after asking %d times, want once at once and once when nobody remembers", code, who.asked.Load()-before)
	}
}

func TestSocketsAreCounted(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.PerCaller, c.Limits.PerAddress, c.Limits.PerProcess = 2, 3, 6 })
	first := s.enter(t, "ada")
	s.enter(t, "ada")
	third := s.dial(t, "graphql-transport-ws")
	tell(t, third, `{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
	if code, _ := hearClose(t, third); code != 4429 {
		t.Errorf("H6: the third socket of a caller was closed with %d", code)
	}
	s.enter(t, "bob")
	_ = first.Close()
	eventually(t, "the place of a closed socket is free", func() bool { return s.handler.Connections() == 2 })
	s.enter(t, "ada")
	for range 3 {
		s.dial(t, "graphql-transport-ws")
	}
	refused := func() int {
		_, response, err := websocket.DefaultDialer.Dial(strings.Replace(s.URL, "http", "ws", 1), http.Header{"Origin": {s.URL}})
		if err == nil {
			return 0
		}
		return response.StatusCode
	}
	eventually(t, "all places of the process are taken", func() bool { return s.handler.Connections() == 6 })
	if status := refused(); status != http.StatusServiceUnavailable {
		t.Errorf("H6: the seventh of six sockets got %d", status)
	}
}

func TestSocketsOfAnAddressBeforeInit(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.PerAddress = 2 })
	s.dial(t, "graphql-transport-ws")
	s.dial(t, "graphql-transport-ws")
	_, response, err := websocket.DefaultDialer.Dial(strings.Replace(s.URL, "http", "ws", 1), http.Header{"Origin": {s.URL}})
	if err == nil || response.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("H6: the third nameless socket was accepted: %v", err)
	}
}

// R44, H9: a reader that stops costs at most the queue, and is closed in time; others do not notice.
func TestReaderThatStopsIsClosed(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.WriteTimeout, c.Limits.QueueAge = 2*time.Second, 4*time.Second })
	stopped, reading := s.enter(t, "ada"), s.enter(t, "bob")
	tell(t, stopped, followAlerts)
	slow := <-s.source.opened
	tell(t, reading, followAlerts)
	quick := <-s.source.opened
	payload := []byte(`{"data":"` + strings.Repeat("x", 60_000) + `"}`)
	took, full := 0, false
	for !full && took < 10_000 {
		if full = !slow.Next(payload); !full {
			took++
		}
	}
	if !full {
		t.Fatal("the queue of a reader that stopped takes everything")
	}
	if slow.Next([]byte(`{"data":"resync"}`)); slow.Next(payload) {
		t.Error("more than one response is taken by a full queue")
	}
	quick.Next([]byte(`{"data":{"n":1}}`))
	quick.Flush()
	if got := hear(t, reading); string(got.Payload) != `{"data":{"n":1}}` {
		t.Errorf("the other reader got %+v", got)
	}
	select {
	case <-s.source.stopped:
		t.Error("the other reader waited for the one that stopped")
	default:
	}
	eventually(t, "the reader that stopped is closed and its place is free", func() bool { return s.handler.Connections() == 1 })
}

// A peer that answers no ping is closed; one that does stays. (H9)
func TestPeerThatIsSilentIsClosed(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, func(c *Config) { c.Limits.PingEvery, c.Limits.PongWithin = 200*time.Millisecond, 200*time.Millisecond })
	conn := s.enter(t, "ada")
	conn.SetPingHandler(func(string) error { return nil })
	if code, _ := hearClose(t, conn); code != 4408 {
		t.Fatalf("closed with %d", code)
	}
	lively := s.enter(t, "bob")
	tell(t, lively, followAlerts)
	sink := <-s.source.opened
	pings := make(chan struct{}, 100)
	answer := lively.PingHandler()
	lively.SetPingHandler(func(data string) error { pings <- struct{}{}; return answer(data) })
	time.AfterFunc(time.Second, func() {
		sink.Next([]byte(`{"data":1}`))
		sink.Flush()
	})
	if got := hear(t, lively); string(got.Payload) != `{"data":1}` || len(pings) < 2 {
		t.Fatalf("got %+v after %d pings", got, len(pings))
	}
}

func TestDrainAsksToReconnect(t *testing.T) {
	t.Parallel()
	s := serveEdge(t, nil)
	conn := s.enter(t, "ada")
	tell(t, conn, followAlerts)
	<-s.source.opened
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(t.Context()) }()
	if code, reason := hearClose(t, conn); code != websocket.CloseGoingAway || !strings.Contains(reason, "restart") {
		t.Errorf("R70: closed with %d %q", code, reason)
	}
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	<-s.source.stopped
	_, response, err := websocket.DefaultDialer.Dial(strings.Replace(s.URL, "http", "ws", 1), http.Header{"Origin": {s.URL}})
	if err == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("a draining server takes sockets: %v", err)
	}
}

// eventually waits for what becomes true soon.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
