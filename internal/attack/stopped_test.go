package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// mostOfStopped is what a reader that stops may cost, socket and all: the bytes that are in use once the garbage of the process is collected, and are not
// when such readers have been cut off. mostShared is what all of them may share; it weighs on fewer when a slow machine fills the queues of some only after
// others were cut off. mostKept is what a process may keep of what it has shown.
const (
	mostOfStopped = 1_000_000
	mostShared    = 32_000_000
	mostKept      = 64_000_000
)

// inUse returns the bytes of the API's memory that are in use, without garbage.
func (s *stage) inUse() int64 {
	s.t.Helper()
	_, text := s.get(s.api.admin + "/debug/pprof/heap?gc=1&debug=1")
	found := regexp.MustCompile(`# HeapAlloc = (\d+)`).FindStringSubmatch(text)
	if found == nil {
		s.t.Fatalf("no figure of the heap: %.200s", text)
	}
	bytes, err := strconv.ParseInt(found[1], 10, 64)
	s.must(err)
	return bytes
}

// sockets returns how many sockets are open.
func (s *stage) sockets() int {
	s.t.Helper()
	_, metrics := s.get(s.api.admin + "/metrics")
	found := regexp.MustCompile(`(?m)^switchboard_sockets_open (\d+)$`).FindStringSubmatch(metrics)
	if found == nil {
		s.t.Fatal("no figure of open sockets")
	}
	open, err := strconv.Atoi(found[1])
	s.must(err)
	return open
}

// TestReadersThatStop has two hundred sockets follow events, each by a document of its own so that they share nothing, and never read again: each costs
// at most its megabyte until it is cut off, which is soon. A reader beside them is told of everything, once and in order; how soon, with and without
// them, is logged. (H9, R44)
func TestReadersThatStop(t *testing.T) {
	t.Parallel()
	const stopped, alone, filling, together, afterwards = 200, 40, 80, 40, 20
	s, n := newShop(t, "LOG_LEVEL=INFO")
	n.large(-15, 0) // so that each event shows ten
	beside := n.beside(alone + filling + together + afterwards)
	n.large(0, alone)
	before, open := s.inUse(), s.sockets()
	over, ends := make(chan struct{}), sync.WaitGroup{}
	defer func() { close(over); ends.Wait() }()
	for i, conn := range n.crowd(stopped) {
		s.must(conn.NetConn().(*net.TCPConn).SetReadBuffer(4096))
		ends.Go(func() { <-over; n.afterwards(conn, i) })
		n.followLarge(conn, i, 10)
	}
	began := time.Now()
	n.large(alone, alone+filling) // more than a queue holds
	full := s.fullQueues(stopped, open)
	n.large(alone+filling, alone+filling+together)
	s.eventually("the first is cut off", func() bool { return s.sockets()-open < stopped })
	first := time.Since(began)
	s.eventually("the readers that stopped are cut off", func() bool { return s.sockets() == open })
	last := time.Since(began)
	kept := s.inUse()
	each := (full.bytes - kept) / full.readers
	n.large(alone+filling+together, alone+filling+together+afterwards)
	t.Logf("a reader that stopped costs %d kB, seen at %d of them, and %d kB are kept when all are cut off; the first was after %v and the last after %v",
		each/1000, full.readers, (kept-before)/1000, first.Round(time.Second), last.Round(time.Second))
	most := int64(mostOfStopped)
	if full.readers < stopped {
		most += mostShared / full.readers
	}
	if each > most || each < mostOfStopped/2 || kept-before > mostKept {
		t.Errorf("each cost %d bytes; %d are kept", each, kept-before)
	}
	heard := <-beside
	if heard.err != nil {
		t.Fatalf("the reader beside them: %v", heard.err)
	}
	t.Logf("a reader beside them is told %s; while their queues fill %s; without them %s", spread(heard.took[alone+filling:][:together]),
		spread(heard.took[alone:][:filling]), spread(heard.took[:alone]))
	n.served()
}

// look is how many bytes were in use while so many readers had stopped.
type look struct{ bytes, readers int64 }

// fullQueues looks at the memory when all readers that are left wait for room in their queues, so that nothing is on its way to them. Of three looks it
// returns the middle one, since some may see garbage of their moment.
func (s *stage) fullQueues(stopped, open int) look {
	s.t.Helper()
	var looks []look
	s.eventually("the queues are full", func() bool {
		left := s.sockets() - open
		if left <= stopped/4 {
			s.t.Fatalf("all but %d were cut off before the others' queues were full", left)
		}
		if s.full() == left {
			used := s.inUse()
			if s.sockets()-open == left {
				looks = append(looks, look{used, int64(left)})
			}
		}
		return len(looks) == 3
	})
	slices.SortFunc(looks, func(a, b look) int { return cmp.Compare(a.bytes/a.readers, b.bytes/b.readers) })
	return looks[1]
}

// full returns how many subscribers wait until their reader has caught up.
func (s *stage) full() (waiting int) {
	s.t.Helper()
	_, stacks := s.get(s.api.admin + "/debug/pprof/goroutine?debug=1")
	for _, alike := range strings.Split(stacks, "\n\n") {
		if strings.Contains(alike, "wire.(*queue).wait+") {
			count, _, _ := strings.Cut(alike, " @ ")
			n, err := strconv.Atoi(count)
			s.must(err)
			waiting += n
		}
	}
	return waiting
}

// large has the customer write texts of 4,000 characters, numbered.
func (n *shop) large(from, to int) {
	n.s.t.Helper()
	for i := from; i < to; i++ {
		text := fmt.Sprint("no ", i, " ", time.Now().UnixNano(), " ", strings.Repeat("x", 4000))
		if answer := n.write(fmt.Sprint("wamid.big", i), "4915112345678", "Kim", text); !strings.HasPrefix(answer, "200") {
			n.s.t.Errorf("message %d: %s", i, answer)
			return
		}
	}
}

// followLarge follows events that show so many texts of 4 kB each, by a document that nobody else sends.
func (n *shop) followLarge(conn *websocket.Conn, no, texts int) {
	n.s.t.Helper()
	document := fmt.Sprintf(`subscription { conversationEvents { ... on ConversationEvent { conversation {
		own%d: id messages(last: %d) { edges { node { text } } } } } } }`, no, texts)
	n.s.must(conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":{"query":%q}}`, document)))
}

// afterwards reads what a socket that was cut off still holds: it ends in the middle, or with the code that says why.
func (n *shop) afterwards(conn *websocket.Conn, no int) {
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var closing *websocket.CloseError
	err := error(nil)
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if errors.As(err, &closing) && closing.Code != 4408 && closing.Code != websocket.CloseAbnormalClosure {
		n.s.t.Errorf("reader %d is told %v", no, err)
	}
	_ = conn.Close()
}

// TestSlowReaderIsToldWhy follows events and reads 40 kB a second of them: it is alive, but what waits has soon waited for too long, and it is closed
// with the code that says so. (H9, R44)
func TestSlowReaderIsToldWhy(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	n.large(-25, 0)
	slow := &drip{began: make(chan struct{})}
	conn, err := n.dialBy(n.key, func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = plain.(*net.TCPConn).SetReadBuffer(32 << 10)
		}
		slow.Conn = plain
		return slow, err
	})
	s.must(err)
	defer func() { _ = conn.Close() }()
	n.followLarge(conn, 0, 40)
	began := time.Now()
	close(slow.began)
	var writer sync.WaitGroup
	writer.Go(func() { n.large(0, 60) })
	defer writer.Wait()
	_ = conn.SetReadDeadline(began.Add(time.Minute))
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	t.Logf("it ends with %v after %v", err, time.Since(began).Round(time.Second))
	if !websocket.IsCloseError(err, 4408) {
		t.Errorf("it ends with %v", err)
	}
}

// drip is a connection that is read slowly once it has begun.
type drip struct {
	net.Conn
	began chan struct{}
}

// Read implements io.Reader.
func (d *drip) Read(b []byte) (int, error) {
	select {
	case <-d.began:
		time.Sleep(100 * time.Millisecond) // its pace, not a wait for anything
		return d.Conn.Read(b[:min(len(b), 4000)])
	default:
		return d.Conn.Read(b)
	}
}
