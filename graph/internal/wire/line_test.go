package wire

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const patience = 20 * time.Second

// over hands the WebSocket library a connection of another kind.
type over struct {
	http.ResponseWriter
	wrap func(net.Conn) net.Conn
}

func (o over) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(o.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return o.wrap(conn), buffers, nil
}

// plain is a connection that cannot be asked to take what it can.
type plain struct{ net.Conn }

// lines are the two ends of a socket: our line, and the library's reader.
type lines struct {
	*line
	peer   *websocket.Conn
	failed chan struct{}
	taken  atomic.Int64 // parts of texts that were taken
}

func connect(t *testing.T, limits Limits, wrap func(net.Conn) net.Conn) *lines {
	t.Helper()
	l := &lines{failed: make(chan struct{})}
	opened := make(chan *line, 1)
	config := Config{Limits: limits}
	socket := newSocket(&config, newRegistry(limits))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken := &takeover{ResponseWriter: over{w, wrap}, socket: socket}
		if _, err := socket.upgrader.Upgrade(taken, r, nil); err != nil {
			t.Error(err)
		}
		opened <- taken.line
	}))
	t.Cleanup(server.Close)
	peer, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	l.line, l.peer = <-opened, peer
	var once sync.Once
	l.open(func() { once.Do(func() { close(l.failed) }) }, func() { l.taken.Add(1) })
	_ = peer.SetReadDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = peer.Close(); _ = l.Close() })
	return l
}

func asItIs(conn net.Conn) net.Conn { return conn }

func (l *lines) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.busy
}

func (l *lines) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

// What we write, the library reads: at every size at which the header changes, over a connection of either kind.
func TestFramesAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(net.Conn) net.Conn{"tcp": asItIs, "plain": func(c net.Conn) net.Conn { return plain{c} }} {
		l := connect(t, DefaultLimits(), wrap)
		if (l.raw != nil) != (name == "tcp") {
			t.Fatalf("%s: asked to take what it can: %v", name, l.raw != nil)
		}
		var sent []string
		for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 200_000} {
			body := strings.Repeat("x", size)
			l.queue.put(frame{kind: websocket.TextMessage, head: "<", body: []byte(body), tail: ">"}, true)
			l.queue.put(textFrame([]byte(body)), true)
			sent = append(sent, "<"+body+">", body)
		}
		l.flush()
		for i, want := range sent {
			kind, got, err := l.peer.ReadMessage()
			if err != nil || kind != websocket.TextMessage || string(got) != want {
				t.Fatalf("%s: message %d of %d bytes is read as %d bytes of kind %d, %v", name, i, len(want), len(got), kind, err)
			}
		}
		l.await(t, "the line is idle", l.idle)
	}
}

// What the system does not take at once follows as soon as the reader reads, in order and whole, and then the line writes at once again.
func TestALineGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	const frames = 200
	limits := DefaultLimits()
	limits.Queue = frames * 70_000
	l := connect(t, limits, asItIs)
	body := []byte(strings.Repeat("x", 60_000))
	send := func(i int) {
		if !l.send(frame{kind: websocket.TextMessage, head: fmt.Sprint(i, " "), body: body}, false) {
			t.Fatalf("frame %d is refused", i)
		}
	}
	for i := range frames {
		send(i)
	}
	if l.idle() {
		t.Fatal("the system takes everything from a line whose reader does not read")
	}
	for i := range frames + 1 {
		if i == frames {
			l.await(t, "the line is idle", l.idle)
			send(i)
		}
		_, got, err := l.peer.ReadMessage()
		if err != nil || string(got) != fmt.Sprint(i, " ")+string(body) {
			t.Fatalf("message %d: %d bytes that begin %.10q, %v", i, len(got), got, err)
		}
	}
}

// recorder notes how much was written at once, and how often a deadline was set before.
type recorder struct {
	net.Conn
	mu      sync.Mutex
	fresh   bool // a deadline was set since the last write
	largest int
	stale   int // writes without a deadline of their own
}

func (r *recorder) SetWriteDeadline(at time.Time) error {
	r.mu.Lock()
	r.fresh = !at.IsZero()
	r.mu.Unlock()
	return r.Conn.SetWriteDeadline(at)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	if r.largest = max(r.largest, len(p)); !r.fresh {
		r.stale++
	}
	r.fresh = false
	r.mu.Unlock()
	return r.Conn.Write(p)
}

// Whoever reads a large frame slowly has as much time for it as for a large answer to a request: each part has a deadline of its own.
func TestALargeFrameLeavesInParts(t *testing.T) {
	t.Parallel()
	written := &recorder{}
	l := connect(t, DefaultLimits(), func(c net.Conn) net.Conn { written.Conn = c; return written })
	written.mu.Lock()
	written.largest, written.stale = 0, 0 // without the handshake
	written.mu.Unlock()
	body := strings.Repeat("x", MaxAnswer)
	l.send(textFrame([]byte(body)), true)
	if _, got, err := l.peer.ReadMessage(); err != nil || string(got) != body {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	l.await(t, "the line is idle", l.idle)
	written.mu.Lock()
	defer written.mu.Unlock()
	if parts := int64(MaxAnswer/batch) / 2; l.taken.Load() < parts {
		t.Errorf("%d parts were told to be taken, want %d and more", l.taken.Load(), parts)
	}
	if written.largest != batch || written.stale > 0 {
		t.Errorf("up to %d bytes were written at once, want %d; %d times without a deadline of their own", written.largest, batch, written.stale)
	}
}

// The end comes in place of what waits, after a frame that is under way, and nothing follows.
func TestALineEndsBetweenFrames(t *testing.T) {
	t.Parallel()
	l := connect(t, DefaultLimits(), asItIs)
	body := []byte(strings.Repeat("x", 60_000))
	for l.send(textFrame(body), false) {
	}
	reason := websocket.FormatCloseMessage(4400, "over")
	if !l.end(frame{kind: websocket.CloseMessage, body: reason}) {
		t.Fatal("a line that stands cannot end")
	}
	if !l.send(textFrame([]byte("late")), true) {
		t.Error("what comes after the end is told to wait")
	}
	for {
		_, got, err := l.peer.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			if closed.Code != 4400 || closed.Text != "over" {
				t.Fatalf("closed with %d %q", closed.Code, closed.Text)
			}
			return
		}
		if err != nil || string(got) != string(body) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}

// What waits behind an answer larger than a batch has waited since that was written; behind anything else, however much is written at once, it has waited
// since it was put in: who reads items slowly without end is told so.
func TestWhatWaitsBehindAnAnswer(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-time.Hour)
	sized := func(size int, answer bool) frame {
		return frame{kind: websocket.TextMessage, body: make([]byte, size), at: long, answer: answer}
	}
	large, small := sized(batch+1, true), sized(100, true)
	for name, c := range map[string]struct {
		before []frame
		fresh  bool
	}{
		"an answer":                 {before: []frame{large}, fresh: true},
		"an answer after a message": {before: []frame{small, large}, fresh: true},
		"small answers":             {before: []frame{sized(batch, true)}},
		"a large item":              {before: []frame{sized(4*batch, false)}},
		"an item after an answer":   {before: []frame{large, sized(4*batch, false)}, fresh: true},
	} {
		q := queue{limit: 20 * batch}
		for _, f := range c.before {
			q.put(f, false)
		}
		text, _ := q.gather(nil, batch)
		q.fallBehind(long, len(text)/2)
		q.put(small, false)
		var since, begun time.Time
		for begun = time.Now(); !q.caughtUp(); {
			_, since = q.next()
		}
		if since.Before(begun) == c.fresh {
			t.Errorf("%s: what comes behind is said to wait since %v", name, since)
		}
	}
}

// A reader that takes nothing is given up: after the time a write may take, or a message may wait.
func TestAReaderIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Limits){
		"a write takes too long":   func(l *Limits) { l.WriteTimeout = 100 * time.Millisecond },
		"a message waits too long": func(l *Limits) { l.QueueAge = 0 },
	} {
		limits := DefaultLimits()
		change(&limits)
		l := connect(t, limits, asItIs)
		body := []byte(strings.Repeat("x", 60_000))
		for l.send(textFrame(body), false) {
		}
		if limits.QueueAge == 0 { // one write must end for the next message to be looked at
			go func() {
				for i := 0; i < 10; i++ {
					_, _, _ = l.peer.ReadMessage()
				}
			}()
		}
		select {
		case <-l.failed:
		case <-time.After(patience):
			t.Fatalf("%s: the reader is not given up", name)
		}
	}
}

// The library's answers to control frames go out between ours.
func TestControlFramesFallBetween(t *testing.T) {
	t.Parallel()
	l := connect(t, DefaultLimits(), asItIs)
	heard := make(chan string, 1)
	l.peer.SetPongHandler(func(text string) error { heard <- text; return nil })
	library := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	l.queue.put(textFrame([]byte("before")), false)
	if n, err := l.Write([]byte{0x80 | websocket.PongMessage, 2, 'h', 'i'}); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := l.Write(append([]byte{0x80 | websocket.CloseMessage, byte(len(library))}, library...)); err != nil {
		t.Fatal(err)
	}
	l.send(textFrame([]byte("after")), true)
	if _, got, err := l.peer.ReadMessage(); string(got) != "before" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, got, err := l.peer.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Fatalf("%q, %v", got, err)
	}
	if got := <-heard; got != "hi" {
		t.Errorf("the pong says %q", got)
	}
}

// A subscription that has completed by itself is stopped, once, whether that comes before it is open or after: nobody else would let go of what it holds.
func TestACompletedSubscriptionIsStopped(t *testing.T) {
	t.Parallel()
	l := connect(t, DefaultLimits(), asItIs)
	for name, complete := range map[string]func(o *operation, stop func()){
		"after":  func(o *operation, stop func()) { o.opened(stop); o.Complete() },
		"before": func(o *operation, stop func()) { o.Complete(); o.opened(stop) },
	} {
		stopped, o := 0, &operation{id: "1", session: &session{line: l.line}, cancel: func() {}}
		complete(o, func() {
			stopped++
			o.Next(nil) // whoever is stopped may be sending
		})
		if stopped != 1 {
			t.Errorf("%s it was open: stopped %d times", name, stopped)
		}
		if o.silence(); stopped > 1 {
			t.Errorf("%s it was open: stopped again with its socket", name)
		}
	}
}
