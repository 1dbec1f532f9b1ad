package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// memory returns the resident bytes of the API's process.
func (s *stage) memory() int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.api.cmd.Process.Pid))
	s.must(err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	s.must(err)
	return pages * int64(os.Getpagesize())
}

// cpu returns the seconds that the API's process has computed.
func (s *stage) cpu() float64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.api.cmd.Process.Pid))
	s.must(err)
	fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// dial opens a socket with an API key, and says so in its first message.
func (n *shop) dial(key string) (*websocket.Conn, error) { return n.dialBy(key, nil) }

// dialBy is dial over a connection of the caller's making.
func (n *shop) dialBy(key string, by func(ctx context.Context, network, address string) (net.Conn, error)) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: 20 * time.Second, ReadBufferSize: 512, WriteBufferSize: 512,
		NetDialContext: by}
	conn, response, err := dialer.DialContext(n.s.t.Context(), "ws"+strings.TrimPrefix(n.s.api.url, "http")+"/graphql", nil)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_init","payload":{"apiKey":"`+key+`"}}`)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, _, err := conn.ReadMessage(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadDeadline(time.Time{})
	return conn, nil
}

// served tells how long another client's query takes meanwhile.
func (n *shop) served() time.Duration {
	n.s.t.Helper()
	began := time.Now()
	if raw := n.ask("ada", "{ conversations(first: 1) { cursor } }", nil); !strings.Contains(raw, `"data":{`) {
		n.s.t.Fatalf("others are not served: %s", raw)
	}
	return time.Since(began)
}

// TestIdleSockets opens 10,000 sockets that say who they are and then nothing. What each costs is told, and bounded, and the honest work goes on. (H6, R79)
func TestIdleSockets(t *testing.T) {
	s, n := newShop(t)
	const wanted = 9_990 // the process takes 10,000 in all
	n.honestBeside(func(rounds func() int) {
		before := s.memory()
		open := n.crowd(wanted)
		each := (s.memory() - before) / wanted
		t.Logf("%d idle sockets cost %d kB each", wanted, each>>10)
		if each > 64<<10 {
			t.Errorf("they cost %d bytes each", each)
		}
		while := rounds()
		s.eventually("the honest work beside them", func() bool { return rounds() >= while+30 })
		for _, conn := range open {
			_ = conn.Close()
		}
		s.eventually("the sockets are gone", func() bool { return s.sockets() == 0 })
	})
}

// TestFloodOnOneSocket sends 20,000 subscribes on one socket: it is closed long before. The same again and again holds up no honest work. (H7)
func TestFloodOnOneSocket(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	before, spent := s.memory(), s.cpu()
	n.flood()
	if grown, cpu := s.memory()-before, s.cpu()-spent; grown > 32<<20 || cpu > 3 {
		t.Errorf("the flood cost %d kB and %.1f s", grown>>10, cpu)
	}
	n.honestBeside(func(rounds func() int) {
		for rounds() < 30 && !t.Failed() {
			n.flood()
		}
	})
}

// flood sends 20,000 subscribes on a socket, which is closed with the code that says why.
func (n *shop) flood() {
	n.s.t.Helper()
	conn, err := n.dial(n.key)
	n.s.must(err)
	defer func() { _ = conn.Close() }()
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range 20_000 {
			message := fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"subscription { conversationEvents { __typename } }"}}`, i)
			if conn.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
				return
			}
		}
	})
	var closing *websocket.CloseError
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !errors.As(err, &closing) || closing.Code != 4429 || strings.Contains(closing.Text, n.key) {
		n.s.t.Errorf("the flood ends with %v", err)
	}
}

// TestSlowRequests sends headers and bodies a byte at a time: the server ends them, and the honest work goes on meanwhile. (H11)
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	n.honestBeside(func(rounds func() int) {
		before := s.inUse()
		var all sync.WaitGroup
		for i := range 200 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.api.url, "http://"))
			s.must(err)
			head := "POST /graphql HTTP/1.1\r\nHost: x\r\n"
			if i%2 == 1 { // a slow body
				head += "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
			}
			_, err = conn.Write([]byte(head))
			s.must(err)
			all.Go(func() { n.drips(conn, i) })
		}
		s.eventually("the honest work beside them", func() bool { return rounds() >= 30 })
		if grown := s.inUse() - before; grown > 32<<20 {
			t.Errorf("200 slow requests cost %d kB", grown>>10)
		}
		all.Wait()
	})
}

// drips sends a byte from time to time until the server ends the connection, which it must.
func (n *shop) drips(conn net.Conn, no int) {
	defer func() { _ = conn.Close() }()
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		_, _ = io.Copy(io.Discard, conn)
	}()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(40 * time.Second)
	for {
		select {
		case <-stop:
			return
		case <-limit:
			n.s.t.Errorf("connection %d is still open", no)
			return
		case <-tick.C:
			_, _ = conn.Write([]byte("x"))
		}
	}
}

func aliasesOf(field string, count int) string {
	text := ""
	for i := range count {
		text += fmt.Sprintf(" a%d: %s", i, field)
	}
	return text
}

// TestRepeatedFields sends 30 kB of one field again and again from eight clients: each is refused for little, and the honest work goes on. (H1)
func TestRepeatedFields(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	n.honestBeside(func(rounds func() int) {
		spent, documents := s.cpu(), 0
		for documents == 0 || rounds() < 30 && !t.Failed() {
			documents += n.repeated(8, 10)
		}
		each := (s.cpu() - spent) / float64(documents)
		t.Logf("a document of 30 kB costs %.1f ms, with what the honest cost", 1000*each)
		if each > 0.25 {
			t.Errorf("each document costs %.2f s", each)
		}
	})
	if !s.ready() {
		t.Error("not ready")
	}
}

// repeated has so many clients at a time each send so many documents of repeated fields, and returns how many that are together.
func (n *shop) repeated(clients, times int) int {
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range times {
				if raw := n.ask("key", "{ viewer { agent { "+strings.Repeat("name ", 6000)+"} } }", nil); strings.Contains(raw, `"data":{`) {
					n.s.t.Errorf("it is answered: %s", raw)
				}
			}
		})
	}
	all.Wait()
	return clients * times
}
