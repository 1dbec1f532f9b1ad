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

// lastMoment is how long the connection lives on after its end was decided, for what is said last.
const lastMoment = time.Second

// session is one WebSocket connection. One goroutine at a time reads; whoever has something to send puts it into the line, and operations
// begin in goroutines of their own. What was only needed to begin is let go of: most sockets wait for events for hours.
type session struct {
	socket  *Socket
	conn    *websocket.Conn
	line    *line
	exec    graphql.GraphExecutor
	request *http.Request   // until connection_init
	ctx     context.Context // what operations begin with; it does not end
	closed  atomic.Bool     // the connection is ending
	once    sync.Once
	timer   *time.Timer // the init timeout, then the expiry of the credential
	caller  Caller      // as admitted; not changed afterwards
	inited  bool        // connection_init came; only the reader touches it
	acked   bool        // and was accepted; only the reader touches it
	recheck atomic.Bool // a check of the credential is under way
	seat    *seat       // under the address, then under the caller; only the reader touches it
	slot    int         // among those that are pinged
	rate    rates
	held    atomic.Int64  // bytes of answers for which the queue has no room yet
	turn    chan struct{} // holds a token of the one of them that is put in next

	mu         sync.Mutex
	operations []*operation
}

// listen prepares for reading.
func (s *session) listen() {
	s.conn.SetReadLimit(s.socket.Limits.Body)
	s.conn.SetPongHandler(func(string) error { s.extend(); return s.control(nil) })
	answerPing := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error { return s.control(func() error { return answerPing(data) }) })
	s.extend()
}

// read takes one message. It reports false when the connection has ended.
func (s *session) read() bool {
	kind, data, err := s.conn.ReadMessage()
	switch {
	case err != nil:
		s.lost(err)
		return false
	case s.closed.Load(): // wait for the peer's close frame; what it still says is not heard
		return true
	}
	s.extend()
	if kind != websocket.TextMessage {
		s.close(closeBadRequest("Invalid message received: messages are texts"))
	} else if why := s.handle(data); why != nil {
		s.close(*why)
	}
	return true
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
		s.once.Do(func() { s.closed.Store(true) })
		_ = s.conn.SetReadDeadline(time.Now().Add(lastMoment))
		_, _ = io.Copy(io.Discard, io.LimitReader(s.conn.NetConn(), 1<<20))
	}
}

// extend gives the peer until after the next ping to say something, or to take something: a ping waits behind a long answer.
func (s *session) extend() {
	if !s.closed.Load() {
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
		s.line.send(textFrame(pongMessage(m.Payload)), false)
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
	caller, err := s.authenticate(init)
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
	s.seat, s.acked, s.caller, s.request = seat, true, caller, nil
	s.ctx = caller.Context(s.ctx)
	if !caller.Expires.IsZero() {
		s.timer = time.AfterFunc(time.Until(caller.Expires), func() { s.close(closeExpired()) })
	}
	s.line.send(textFrame([]byte(`{"type":"connection_ack"}`)), true)
	return nil
}

func because(why closing) *closing { return &why }

// close ends the connection: operations stop, the peer is told why, and the reader gives it a moment to answer.
func (s *session) close(why closing) {
	s.once.Do(func() {
		s.closed.Store(true)
		s.endAll()
		text := websocket.FormatCloseMessage(why.code, shorten(why.reason, 120))
		if !s.line.end(frame{kind: websocket.CloseMessage, body: text}) {
			_ = s.conn.Close()
			return
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(lastMoment))
		time.AfterFunc(2*lastMoment, func() { _ = s.conn.Close() })
	})
}

// ping asks for a sign of life.
func (s *session) ping() { s.line.send(frame{kind: websocket.PingMessage}, true) }

// restart asks the client to reconnect.
func (s *session) restart() { s.close(closeRestart()) }
