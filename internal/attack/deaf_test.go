package attack

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// longThread gives a shop a conversation of a hundred long messages, and returns a query whose answer holds each text so many times: 400 kB of
// answer for each.
func (n *shop) longThread() func(times int) string {
	n.s.t.Helper()
	for i := range 100 {
		if answer := n.write(fmt.Sprint("wamid.long", i), "4915112345678", "Kim", strings.Repeat("x", 4000)); !strings.HasPrefix(answer, "200") {
			n.s.t.Fatalf("message %d: %s", i, answer)
		}
	}
	id := n.one("SELECT id::text FROM conversations WHERE tenant_id = $1 LIMIT 1")
	return func(times int) string {
		return `{ conversation(id: "` + id + `") { messages(last: 100) { edges { node { ` + aliasesOf("text", times) + ` } } } } }`
	}
}

// deaf sends a query by POST again and again on a connection that is never read from: the system on both sides takes the first answers.
func (n *shop) deaf(query string) {
	n.s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.s.api.url, "http://"))
	n.s.must(err)
	n.s.must(conn.(*net.TCPConn).SetReadBuffer(4096))
	n.s.t.Cleanup(func() { _ = conn.Close() })
	body, err := json.Marshal(map[string]any{"query": query})
	n.s.must(err)
	_, err = io.WriteString(conn, strings.Repeat(fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s", n.key, len(body), body), 6))
	n.s.must(err)
}

// answering returns how many answers the process is writing.
func (s *stage) answering() int {
	_, stacks := s.get(s.api.admin + "/debug/pprof/goroutine?debug=2")
	return strings.Count(stacks, "wire.(*Config).send(")
}

// TestAnswersThatNobodyReads asks for 3.6 MB each on ten connections that are never read from: they are given up, and others are served. Then it
// does so once more and stops the process, which ends well all the same. (H9, H11, R44, R70)
func TestAnswersThatNobodyReads(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	query := n.longThread()(9)
	if raw := n.ask("key", query, nil); len(raw) < 3_500_000 {
		t.Fatalf("the answer is %d bytes: %.200s", len(raw), raw)
	}
	const clients = 10
	for range clients {
		n.deaf(query)
	}
	s.eventually("the answers are written", func() bool { return s.answering() > 0 })
	n.served()
	s.eventually("all are given up", func() bool { return s.answering() == 0 })
	n.deaf(query)
	s.eventually("one more is written", func() bool { return s.answering() == 1 })
	s.must(s.api.cmd.Process.Signal(syscall.SIGTERM))
	<-s.api.ended
	if code := s.api.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the process ends with %d", code)
	}
}

// TestWhatIsTooLargeIsTold asks for an answer, and follows events, of 5.6 MB each: the answer is an error that names the limit, and whoever follows is
// told to read afresh, and then it is over. (H9, H2)
func TestWhatIsTooLargeIsTold(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	query := n.longThread()(14)
	if raw := n.ask("key", query, nil); !strings.Contains(raw, `"limit":"answer bytes"`) || !strings.Contains(raw, `"INVALID"`) {
		t.Errorf("it is answered %.300s", raw)
	}
	conn, err := n.dial(n.key)
	s.must(err)
	defer func() { _ = conn.Close() }()
	document := `subscription { conversationEvents { ... on Resync { reason } ... on ConversationEvent { conversation { messages(last: 100) { edges { node { ` +
		aliasesOf("text", 14) + ` } } } } } } }`
	s.must(conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":{"query":%q}}`, document)))
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	told, writer := make(chan struct{}), sync.WaitGroup{}
	writer.Go(func() {
		for i := range 100 { // until the subscription has begun and met one
			select {
			case <-told:
				return
			case <-time.After(50 * time.Millisecond):
				n.write(fmt.Sprint("wamid.late", i), "4915112345678", "Kim", strings.Repeat("x", 4000))
			}
		}
	})
	for _, want := range []string{`"reason":"TOO_SLOW"`, `"type":"complete"`} {
		_, message, err := conn.ReadMessage()
		if err != nil || !strings.Contains(string(message), want) {
			t.Errorf("it is told %.300s (%v), want %s", message, err, want)
		}
	}
	close(told)
	writer.Wait()
}
