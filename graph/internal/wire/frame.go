package wire

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// frame is one message to a client: a body between a head and a tail. Bodies are shared by all who follow the same; only head and
// tail are the reader's own.
type frame struct {
	kind   byte // the opcode of its WebSocket frame; 0: the bytes go as they are
	answer bool // it is what a query or mutation was asked for
	head   string
	body   []byte
	tail   string
	at     time.Time    // since when it waits for its reader; zero: it does not wait
	silent *atomic.Bool // true when nobody wants it any more; nil: always wanted
}

// textFrame returns the frame of a whole message.
func textFrame(message []byte) frame { return frame{kind: websocket.TextMessage, body: message} }

func (f *frame) size() int { return len(f.head) + len(f.body) + len(f.tail) }

func (f *frame) unwanted() bool { return f.silent != nil && f.silent.Load() }

// appendTo appends the frame as it goes over the connection.
func (f *frame) appendTo(text []byte) []byte {
	if f.kind != 0 {
		text = appendHeader(text, f.kind, f.size())
	}
	text = append(text, f.head...)
	text = append(text, f.body...)
	return append(text, f.tail...)
}

// appendHeader appends the header of a WebSocket frame that is a whole message. A server's frames are not masked (RFC 6455, 5.1).
func appendHeader(text []byte, kind byte, size int) []byte {
	const whole = 0x80
	switch {
	case size < 126:
		return append(text, whole|kind, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(text, whole|kind, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(text, whole|kind, 127), uint64(size))
}
