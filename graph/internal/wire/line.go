package wire

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// batch is how many bytes go to the system at once, when so many wait.
const batch = 64 << 10

var errTooSlow = errors.New("the reader is too slow")

// line is the writing side of a socket. Whoever has something to send writes it himself, without waiting for the reader; what the system
// does not take at once is left to a goroutine, which lives as long as something waits. So an idle socket costs neither a goroutine nor
// a buffer, and a frame to a reader that keeps up costs one system call.
//
// It stands in for the connection of the WebSocket library as well, whose answers to control frames would otherwise fall between.
type line struct {
	net.Conn
	queue   queue
	raw     syscall.RawConn // nil for a connection that cannot be asked to take what it can: it is always waited for
	limits  *Limits
	tries   *sync.Pool // of *try
	onError func()     // called when the reader is too slow or gone
	onTaken func()     // called when he has taken a part of what is written at his pace

	mu     sync.Mutex
	framed bool   // the handshake is over: only whole frames go out
	busy   bool   // a goroutine writes, or has failed: nobody else may
	rest   []byte // of what was written in part
	broken bool   // it has failed
}

func newLine(conn net.Conn, limits *Limits, tries *sync.Pool) *line {
	l := &line{Conn: conn, limits: limits, tries: tries, queue: queue{limit: limits.Queue}}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBuffer)
		l.raw, _ = tcp.SyscallConn()
	}
	return l
}

// open begins the time of frames, after the handshake.
func (l *line) open(onError, onTaken func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.framed, l.onError, l.onTaken = true, onError, onTaken
}

// Write implements net.Conn for the WebSocket library: the answer to the handshake, then whole control frames. It never fails for a
// frame. A full queue swallows it: a peer that does not read gets no memory for asking.
func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	framed := l.framed
	l.mu.Unlock()
	if !framed {
		return l.Conn.Write(p)
	}
	f := frame{body: bytes.Clone(p)}
	if len(p) > 0 && p[0]&0x0f == websocket.CloseMessage {
		l.end(f)
		return len(p), nil
	}
	l.queue.put(f, false)
	l.flush()
	return len(p), nil
}

// SetWriteDeadline implements net.Conn. The deadlines of frames are the line's own.
func (l *line) SetWriteDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.framed {
		return nil
	}
	return l.Conn.SetWriteDeadline(at)
}

// send puts a frame in and sends what is queued. It reports false when the queue has no room for the frame.
func (l *line) send(f frame, beyond bool) bool {
	taken := l.queue.put(f, beyond)
	l.flush()
	return taken
}

// end sends the last frame in place of what is queued. It reports false when nothing can be sent any more.
func (l *line) end(last frame) bool {
	l.queue.end(last)
	l.mu.Lock()
	if l.busy && !l.broken { // what is being written is given a last moment
		_ = l.Conn.SetWriteDeadline(time.Now().Add(lastMoment))
	}
	broken := l.broken
	l.mu.Unlock()
	l.flush()
	return !broken
}

// flush sends what is queued, as far as the system takes it now.
func (l *line) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || !l.framed {
		return
	}
	t := l.tries.Get().(*try)
	defer func() {
		if cap(t.text) > 2*batch { // a large answer's is let go of
			t.text = nil
		}
		l.tries.Put(t)
	}()
	for {
		t.text, _ = l.queue.gather(t.text[:0], batch)
		if len(t.text) == 0 {
			return
		}
		if n := t.write(l.raw); n < len(t.text) {
			l.rest, l.busy = bytes.Clone(t.text[n:]), true
			l.queue.fallBehind(time.Now(), len(l.rest))
			go l.drain()
			return
		}
	}
}

// drain writes what is left, at the reader's pace.
func (l *line) drain() {
	for {
		text, err := l.next()
		if text == nil && err == nil {
			return
		}
		if err == nil {
			err = l.write(text)
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// write writes the text in parts. Like an answer to a request, each part has the time of one, and all of them together the time of an answer.
func (l *line) write(text []byte) error {
	end := time.Now().Add(l.limits.AnswerTimeout)
	for part := range slices.Chunk(text, batch) {
		if _, err := l.Conn.Write(part); err != nil {
			return err
		}
		l.onTaken()
		if err := l.extend(end); err != nil {
			return err
		}
	}
	return nil
}

// extend sets the deadline of the next part, unless the last frame was put in: that has set the last deadline.
func (l *line) extend(end time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queue.ended() {
		return nil
	}
	until := time.Now().Add(l.limits.WriteTimeout)
	if until.After(end) {
		until = end
	}
	return l.Conn.SetWriteDeadline(until)
}

// next returns what is to be written next, with the deadline of its first part set; nil when the reader has caught up, and errTooSlow when a message has
// waited for too long.
func (l *line) next() (text []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, l.rest = l.rest, nil
	for len(text) == 0 {
		if l.queue.caughtUp() {
			l.busy = false
			return nil, l.Conn.SetWriteDeadline(time.Time{})
		}
		var since time.Time
		if text, since = l.queue.next(); !since.IsZero() && time.Since(since) > l.limits.QueueAge {
			return nil, errTooSlow
		}
	}
	patience := l.limits.WriteTimeout
	if l.queue.ended() {
		patience = lastMoment
	}
	return text, l.Conn.SetWriteDeadline(time.Now().Add(patience))
}

// fail gives the reader up. Between two frames he can still be told why.
func (l *line) fail(err error) {
	l.mu.Lock()
	if errors.Is(err, errTooSlow) {
		l.busy = false
		_ = l.Conn.SetWriteDeadline(time.Time{})
	} else {
		l.broken = true
	}
	l.mu.Unlock()
	l.onError()
}

// try is one attempt to write, with its buffer.
type try struct {
	text    []byte
	written int
	once    func(fd uintptr) bool
}

func newTry() any {
	t := &try{text: make([]byte, 0, 4<<10)}
	t.once = t.attempt
	return t
}

// write hands the text to the system, which takes what it has room for, and returns how much that is.
func (t *try) write(raw syscall.RawConn) int {
	t.written = 0
	if raw == nil || raw.Write(t.once) != nil {
		return 0
	}
	return t.written
}
