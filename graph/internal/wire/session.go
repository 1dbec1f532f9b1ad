package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// session is one WebSocket connection. The goroutine of its request reads; one more writes; operations run in their own and never
// touch the connection.
type session struct {
	socket    *Socket
	conn      *websocket.Conn
	request   *http.Request
	exec      graphql.GraphExecutor
	ctx       context.Context // ends with the connection
	cancel    context.CancelFunc
	out       *outbox
	closed    chan struct{} // closed when the connection is ending
	once      sync.Once
	timer     *time.Timer // the init timeout, then the expiry of the credential
	presented Init        // in connection_init; not changed after it was accepted
	inited    bool        // connection_init came; only the reader touches it
	acked     bool        // and was accepted; only the reader touches it
	recheck   atomic.Bool // a check of the credential is under way
	seat      *seat       // under the address, then under the caller; only the reader touches it
	rate      rates

	mu         sync.Mutex
	operations map[string]*operation
}

// read takes messages until the connection ends.
func (s *session) read() {
	s.conn.SetReadLimit(s.socket.Limits.Body)
	s.extend()
	s.conn.SetPongHandler(func(string) error { s.extend(); return s.control(nil) })
	answerPing := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error { return s.control(func() error { return answerPing(data) }) })
	for {
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			s.lost(err)
			return
		}
		select {
		case <-s.closed:
			continue // wait for the peer's close frame; what it still says is not heard
		default:
		}
		s.extend()
		if kind != websocket.TextMessage {
			s.close(closeBadRequest("Invalid message received: messages are texts"))
			continue
		}
		if why := s.handle(data); why != nil {
			s.close(*why)
		}
	}
}

// control counts a control frame like a message, since a flood of them costs as much, and then does what it asks for.
func (s *session) control(act func() error) error {
	if !s.rate.message(time.Now(), s.socket.Limits) {
		s.close(closeTooMany("messages"))
		return nil
	}
	if act == nil {
		return nil
	}
	return act()
}

// lost notes how the peer ended the connection. Silence beyond the deadline is told to the peer in case it can still hear.
func (s *session) lost(err error) {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.close(closeTooSlow())
	}
	if errors.Is(err, websocket.ErrReadLimit) {
		// The library has sent its close frame. What the peer still sends is read for a moment: unread data would make the
		// system reset the connection, and the frame would be lost.
		s.once.Do(func() { close(s.closed); s.cancel() })
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, io.LimitReader(s.conn.NetConn(), 1<<20))
	}
}

// extend gives the peer until after the next ping to say something.
func (s *session) extend() {
	select {
	case <-s.closed:
	default:
		_ = s.conn.SetReadDeadline(time.Now().Add(s.socket.Limits.PingEvery + s.socket.Limits.PongWithin))
	}
}

// handle acts on a message and returns why the connection must end, if it must.
func (s *session) handle(data []byte) *closing {
	if !s.rate.message(time.Now(), s.socket.Limits) {
		return because(closeTooMany("messages"))
	}
	m, err := parseMessage(data)
	if err != nil {
		return because(closeBadRequest(err.Error()))
	}
	switch m.Type {
	case messageInit:
		return s.init(m)
	case messagePing:
		// A full queue swallows the answer: a peer that does not read gets no memory for asking.
		s.out.put(frame{body: pongMessage(m.Payload), at: time.Now()}, false)
	case messageSubscribe:
		return s.subscribe(m)
	case messageComplete:
		s.complete(m.ID)
	}
	return nil
}

// init authenticates the caller, once.
func (s *session) init(m message) *closing {
	if s.inited {
		return because(closeTooManyInits())
	}
	s.inited = true
	init, err := initOf(m.Payload)
	if err != nil {
		return because(closeBadRequest(err.Error()))
	}
	s.presented = init
	caller, err := s.authenticate(s.ctx)
	switch {
	case refused(err):
		return because(closeForbidden())
	case fault.Is(err, fault.Unavailable):
		return because(closeBusy())
	case err != nil:
		_ = s.socket.Present(s.ctx, err) // logs it
		return because(closeInternal())
	}
	return s.admit(caller)
}

// admit lets the caller in, if he has not too many sockets, until his credential ends.
func (s *session) admit(caller Caller) *closing {
	seat, ok := s.socket.registry.take("caller "+caller.Key, s.socket.Limits.PerCaller)
	if !ok {
		return because(closeTooMany("sockets"))
	}
	if !s.timer.Stop() {
		seat.leave()
		return nil // the init timeout is closing the connection
	}
	s.seat.leave()
	s.seat, s.acked = seat, true
	s.ctx = caller.Context(s.ctx)
	if !caller.Expires.IsZero() {
		s.timer = time.AfterFunc(time.Until(caller.Expires), func() { s.close(closeExpired()) })
	}
	s.out.put(frame{body: []byte(`{"type":"connection_ack"}`), at: time.Now()}, true)
	return nil
}

func because(why closing) *closing { return &why }

// close ends the connection: operations stop, the peer is told why, and the reader gives it a second to answer.
func (s *session) close(why closing) {
	s.once.Do(func() {
		close(s.closed)
		s.cancel()
		frame := websocket.FormatCloseMessage(why.code, shorten(why.reason, 120))
		if s.conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second)) != nil {
			_ = s.conn.Close()
			return
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
		time.AfterFunc(2*time.Second, func() { _ = s.conn.Close() })
	})
}

// restart asks the client to reconnect.
func (s *session) restart() { s.close(closeRestart()) }
