package wire

import (
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
}

var _ graphql.Transport = (*Socket)(nil)

func newSocket(config *Config, registry *registry) *Socket {
	return &Socket{Config: config, registry: registry, upgrader: &websocket.Upgrader{
		HandshakeTimeout: config.Limits.WriteTimeout,
		Subprotocols:     []string{subprotocol},
		// Buffers are the connection's only while it writes: most sockets are idle.
		WriteBufferPool: &sync.Pool{},
		ReadBufferSize:  1024,
		WriteBufferSize: 4096,
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
		write(w, status, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{t.Present(r.Context(), err)}}))
		return
	}
	seat, ok := t.registry.take("address "+t.ClientIP(r), t.Limits.PerAddress)
	if !ok {
		write(w, http.StatusTooManyRequests, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{t.Present(r.Context(), &fault.Error{
			Code: fault.RateLimited, Message: "too many sockets of this address wait for connection_init", RetryAfter: t.Limits.InitTimeout,
		})}}))
		return
	}
	conn, err := t.upgrader.Upgrade(w, r, nil)
	if err != nil {
		seat.leave()
		return // the upgrader has answered
	}
	t.serve(conn, r, exec, seat)
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

func (t *Socket) serve(conn *websocket.Conn, r *http.Request, exec graphql.GraphExecutor, seat *seat) {
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBuffer)
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &session{
		socket: t, conn: conn, request: r, exec: exec, ctx: ctx, cancel: cancel, seat: seat,
		out: newOutbox(t.Limits.Queue), closed: make(chan struct{}), operations: map[string]*operation{},
	}
	s.timer = time.AfterFunc(t.Limits.InitTimeout, func() { s.close(closeInitTimeout()) })
	written := make(chan struct{})
	go func() { defer close(written); s.write() }()
	switch {
	case conn.Subprotocol() != subprotocol:
		s.close(closeSubprotocol())
	case !t.registry.add(s):
		s.close(closeRestart())
	}
	s.read()
	s.timer.Stop()
	s.once.Do(func() { close(s.closed); cancel() })
	_ = conn.Close()
	s.endAll()
	<-written
	s.seat.leave()
	t.registry.remove(s)
}
