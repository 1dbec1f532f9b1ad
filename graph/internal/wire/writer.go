package wire

import (
	"time"

	"github.com/gorilla/websocket"
)

// write sends what is queued, in order, and pings. A reader that takes nothing for the write timeout, or lets a message wait for
// longer than the queue age, loses the connection. Only this goroutine writes messages.
func (s *session) write() {
	limits := s.socket.Limits
	ping := time.NewTicker(limits.PingEvery)
	defer ping.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-ping.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(limits.WriteTimeout)) != nil {
				s.close(closeTooSlow())
				return
			}
		case <-s.out.ready:
			if !s.flush(limits) {
				return
			}
		}
	}
}

// flush sends the queued frames and reports whether the connection still stands.
func (s *session) flush(limits Limits) bool {
	for {
		f, ok := s.out.take()
		if !ok {
			return true
		}
		if time.Since(f.at) > limits.QueueAge || s.send(f, limits) != nil {
			s.close(closeTooSlow())
			return false
		}
		select {
		case <-s.closed:
			return false
		default:
		}
	}
}

// send writes a frame as one message. A large body goes to the connection as it is, without being copied for this reader.
func (s *session) send(f frame, limits Limits) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(limits.WriteTimeout)); err != nil {
		return err
	}
	w, err := s.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	if err := f.writeTo(w); err != nil {
		return err
	}
	return w.Close()
}
