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

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// What a reader that stops may cost, and how long it may stay. The bytes are those that are still in use once the garbage of the process is collected.
// The allowance is for events that were rendered by the reader's own document and went to the system already: the process keeps those, 64 MB of all
// readers together, and gives them up for newer ones. The time is of a machine of its own; four times as long is for one that the tests share.
const (
	mostOfStopped    = 1_000_000
	allowedBeside    = 2_000_000
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

// TestReadersThatStop has sixteen sockets follow events, each by a document of its own so that they share nothing, and never read again: each costs
// at most its megabyte until it is cut off, which is soon. A reader beside them is told of everything, once and in order. (H9, R44)
func TestReadersThatStop(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := s.shop("shop-a")
	n.signIn()
	n.large(-45, 0) // so that each event shows forty
	const stopped, messages = 16, 120
	beside := n.beside(messages)
	n.key = n.anotherKey()
	before, open := s.inUse(), s.sockets()
	over, after := make(chan struct{}), sync.WaitGroup{}
	defer func() { close(over); after.Wait() }()
	for i := range stopped {
		conn, err := n.dial(n.key)
		s.must(err)
		s.must(conn.NetConn().(*net.TCPConn).SetReadBuffer(4096))
		after.Go(func() { <-over; n.afterwards(conn, i) })
		n.followLarge(conn, i)
	}
	began := time.Now()
	n.large(0, messages/3) // more than a queue holds
	var looks []int64
	cut := make([]time.Duration, 0, stopped)
	s.eventually("the readers that stopped are cut off", func() bool {
		left := s.sockets() - open
		if left == stopped {
			looks = append(looks, (s.inUse()-before)/stopped)
		}
		for len(cut) < stopped-left {
			cut = append(cut, time.Since(began))
		}
		return left == 0
	})
	n.large(messages/3, messages)
	if len(looks) == 0 {
		t.Fatal("they were cut off before their memory was looked at")
	}
	slices.Sort(looks) // the first looks come before all has been offered, and some see garbage of their moment
	each := looks[len(looks)/2]
	t.Logf("a reader that stopped costs %d kB; the first was cut off after %v and the last after %v", each/1000, cut[0].Round(time.Second), cut[stopped-1].Round(time.Second))
	if each > mostOfStopped+allowedBeside || each < mostOfStopped/2 {
		t.Errorf("each cost %d bytes", each)
	}
	if last := cut[stopped-1]; last > timesAsSlow*longestOfStopped {
		t.Errorf("the last was cut off after %v", last)
	}
	if err := <-beside; err != nil {
		t.Errorf("the reader beside them: %v", err)
	}
	n.served()
}

// anotherKey returns one more API key, which may have as many sockets again.
func (n *shop) anotherKey() string {
	n.s.t.Helper()
	key, hash := auth.NewAPIKey(n.ID)
	n.s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'more', $3, $4, now())`,
		n.ID.UUID(), inboxtest.NewID(), hash, []string{string(inbox.ScopeRead)})
	return key
}

// large has the customer write texts of 4,000 characters, numbered.
func (n *shop) large(from, to int) {
	n.s.t.Helper()
	for i := from; i < to; i++ {
		if answer := n.write(fmt.Sprint("wamid.big", i), "4915112345678", "Kim", fmt.Sprint("no ", i, " ", strings.Repeat("x", 4000))); !strings.HasPrefix(answer, "200") {
			n.s.t.Errorf("message %d: %s", i, answer)
			return
		}
	}
}

// followLarge follows events of some 160 kB each, by a document that nobody else sends.
func (n *shop) followLarge(conn *websocket.Conn, no int) {
	n.s.t.Helper()
	document := fmt.Sprintf(`subscription { conversationEvents { ... on ConversationEvent { conversation { own%d: id messages(last: 40) { edges { node { text } } } } } } }`, no)
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
	s := newStage(t)
	n := s.shop("shop-a")
	n.signIn()
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
	n.followLarge(conn, 0)
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

// beside follows the only conversation, and tells whether it was told of so many messages, each once and in their order.
func (n *shop) beside(messages int) <-chan error {
	n.s.t.Helper()
	conn, err := n.dial(n.key)
	n.s.must(err)
	n.s.t.Cleanup(func() { _ = conn.Close() }) // the one that is open when the other is cut off
	id := n.one("SELECT id::text FROM conversations WHERE tenant_id = $1")
	n.s.must(conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil,
		`{"id":"1","type":"subscribe","payload":{"query":"subscription { messageEvents(conversationId: \"%s\") { ... on MessageEvent { message { text } } } }"}}`, id)))
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	told, begun := make(chan error, 1), make(chan struct{})
	go func() {
		message, err := []byte(nil), error(nil)
		for i := range messages {
			if i == 0 {
				message, err = follows(conn, begun)
			} else {
				_, message, err = conn.ReadMessage()
			}
			if err != nil || !strings.Contains(string(message), fmt.Sprint(`"no `, i, ` x`)) {
				told <- fmt.Errorf("instead of message %d it is told %.200s, %w", i, message, err)
				return
			}
		}
		told <- nil
	}()
	for i := 0; ; i++ {
		n.write(fmt.Sprint("wamid.early", i), "4915112345678", "Kim", "early")
		select {
		case <-begun:
			return told
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// follows tells when the connection is told of anything, which is when its subscription has begun, and returns the first message that is not an early one.
func follows(conn *websocket.Conn, begun chan struct{}) (message []byte, err error) {
	for first := true; ; first = false {
		_, message, err = conn.ReadMessage()
		if first {
			close(begun)
		}
		if err != nil || !strings.Contains(string(message), `"early"`) && !strings.Contains(string(message), `"no -`) {
			return message, err
		}
	}
}
