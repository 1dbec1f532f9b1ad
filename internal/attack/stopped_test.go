package attack

import (
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

// What a reader that stops may cost, socket and all, and how long it may stay. The bytes are those that are in use once the garbage of the process is
// collected, as a mean of many readers, which divides what the process keeps for all of them. The time is of a machine of its own; four times as long is
// for one that the tests share.
const (
	mostOfStopped    = 1_000_000
	longestOfStopped = 15 * time.Second
	timesAsSlow      = 4
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
	each := s.costOfStopped(stopped, open, before)
	n.large(alone+filling, alone+filling+together)
	s.eventually("the first is cut off", func() bool { return s.sockets()-open < stopped })
	first := time.Since(began)
	s.eventually("the readers that stopped are cut off", func() bool { return s.sockets() == open })
	last := time.Since(began)
	n.large(alone+filling+together, alone+filling+together+afterwards)
	t.Logf("a reader that stopped costs %d kB; the first was cut off after %v and the last after %v", each/1000, first.Round(time.Second), last.Round(time.Second))
	if each > mostOfStopped || each < mostOfStopped/2 {
		t.Errorf("each cost %d bytes", each)
	}
	if last > timesAsSlow*longestOfStopped {
		t.Errorf("the last was cut off after %v", last)
	}
	heard := <-beside
	if heard.err != nil {
		t.Fatalf("the reader beside them: %v", heard.err)
	}
	t.Logf("a reader beside them is told %s; while their queues fill %s; without them %s", spread(heard.took[alone+filling:][:together]),
		spread(heard.took[alone:][:filling]), spread(heard.took[:alone]))
	n.served()
}

// costOfStopped looks at the memory when all readers that are left wait for room in their queues, so that nothing is on its way to them, and returns what
// each costs.
func (s *stage) costOfStopped(stopped, open int, before int64) int64 {
	s.t.Helper()
	var looks []int64 // some may see garbage of their moment
	s.eventually("the queues are full", func() bool {
		left := s.sockets() - open
		if left <= stopped/2 {
			s.t.Fatal("half of them were cut off before the others' queues were full")
		}
		if s.full() == left {
			used := s.inUse() - before
			if s.sockets()-open == left {
				looks = append(looks, used/int64(left))
			}
		}
		return len(looks) == 3
	})
	slices.Sort(looks)
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
	_ = conn.SetReadDeadline(began.Add(timesAsSlow * longestOfStopped))
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
