package wire

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

const subprotocol = "graphql-transport-ws"

// socketBuffer bounds what the system keeps for a reader that has stopped; by default it grows to megabytes, and hides for long that
// nobody reads.
const socketBuffer = 128 << 10

// Socket is the graphql-transport-ws protocol.
type Socket struct {
	*Config
	registry *registry
	upgrader *websocket.Upgrader
	pings    pings
	tries    sync.Pool
}

var _ graphql.Transport = (*Socket)(nil)

func newSocket(config *Config, registry *registry) *Socket {
	return &Socket{Config: config, registry: registry, pings: pings{every: config.Limits.PingEvery}, tries: sync.Pool{New: newTry}, upgrader: &websocket.Upgrader{
		HandshakeTimeout: config.Limits.WriteTimeout,
		Subprotocols:     []string{subprotocol},
		// The library writes nothing but control frames, and larger messages are read past the buffer: most sockets are idle.
		WriteBufferPool: &sync.Pool{},
		ReadBufferSize:  256,
		WriteBufferSize: 256,
		// Checked before, with an answer of our own.
		CheckOrigin:       func(*http.Request) bool { return true },
		EnableCompression: false,
	}}
}

// Supports reports whether the request asks for a WebSocket.
func (t *Socket) Supports(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// Do serves a socket until it ends.
func (t *Socket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if status, err := t.refusal(r); err != nil {
		t.write(w, status, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{t.Present(r.Context(), err)}}))
		return
	}
	seat, ok := t.registry.take("address "+t.ClientIP(r), t.Limits.PerAddress)
	if !ok {
		t.write(w, http.StatusTooManyRequests, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{t.Present(r.Context(), &fault.Error{
			Code: fault.RateLimited, Message: "too many sockets of this address wait for connection_init", RetryAfter: t.Limits.InitTimeout,
		})}}))
		return
	}
	taken := &takeover{ResponseWriter: w, socket: t}
	conn, err := t.upgrader.Upgrade(taken, r, nil)
	if err != nil {
		seat.leave()
		return // the upgrader has answered
	}
	// The socket gets a goroutine of its own: that of the request would keep alive all that the request has needed.
	go t.serve(t.session(conn, taken.line, r, exec, seat))
}

// takeover puts a line in the place of the connection that the WebSocket library takes over.
type takeover struct {
	http.ResponseWriter
	socket *Socket
	line   *line
}

// Hijack implements http.Hijacker.
func (w *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.line = newLine(conn, &w.socket.Limits, &w.socket.tries)
	return w.line, buffers, nil
}

// refusal returns why a request may not become a socket.
func (t *Socket) refusal(r *http.Request) (int, error) {
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		return http.StatusBadRequest, fault.New(fault.Invalid, "the only upgrade is to a WebSocket")
	case r.Header.Get("Origin") != "" && !t.OriginAllowed(r):
		return http.StatusForbidden, fault.New(fault.Forbidden, "pages of this origin may not connect")
	case t.registry.full():
		return http.StatusServiceUnavailable, &fault.Error{
			Code: fault.Unavailable, Message: "no more connections can be taken now; try again", RetryAfter: time.Second,
		}
	}
	return 0, nil
}

func (t *Socket) session(conn *websocket.Conn, line *line, r *http.Request, exec graphql.GraphExecutor, seat *seat) *session {
	s := &session{socket: t, conn: conn, line: line, request: r, exec: exec, seat: seat, ctx: context.WithoutCancel(r.Context()),
		turn: make(chan struct{}, 1)}
	s.timer = time.AfterFunc(t.Limits.InitTimeout, func() { s.close(closeInitTimeout()) })
	s.line.open(func() { s.close(closeTooSlow()) }, s.extend)
	s.listen()
	s.slot = t.pings.add(s)
	switch {
	case s.conn.Subprotocol() != subprotocol:
		s.close(closeSubprotocol())
	case !t.registry.add(s):
		s.close(closeRestart())
	}
	return s
}

// serve takes a message and leaves the next one to a goroutine that takes its place: what a message needs of the stack would stay with this
// one while it waits, for hours. A panic ends only this socket.
func (t *Socket) serve(s *session) {
	goesOn := false
	defer func() {
		if p := recover(); p != nil {
			_ = t.Present(s.ctx, fault.Panicked(p)) // logs it
			s.close(closeInternal())
			goesOn = false
		}
		if !goesOn {
			t.end(s)
		}
	}()
	if goesOn = s.read(); goesOn {
		go t.serve(s)
	}
}

// end lets go of all that the socket holds.
func (t *Socket) end(s *session) {
	t.pings.remove(s, s.slot)
	s.timer.Stop()
	s.once.Do(func() { s.closed.Store(true) })
	_ = s.conn.Close()
	s.endAll()
	s.seat.leave()
	t.registry.remove(s)
}
