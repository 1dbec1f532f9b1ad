package attack

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// rawFrame is a WebSocket frame as a client masks it, with any first byte and any length announced.
func rawFrame(first byte, announced uint64, payload string) []byte {
	frame := []byte{first, 0x80 | 127}
	frame = binary.BigEndian.AppendUint64(frame, announced)
	return append(append(frame, 0, 0, 0, 0), payload...) // a mask of zeros leaves the payload as it is
}

func rawText(payload string) []byte { return rawFrame(0x81, uint64(len(payload)), payload) }

// control is a control frame, whose length stands in its second byte.
func control(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// TestHostileFrames says what no client says on a socket: each such socket is closed with its code, for little memory, and others are
// served. (H7, H9)
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	before, spent := s.memory(), s.cpu()
	fragments := rawFrame(0x01, 1024, strings.Repeat("x", 1024))
	for range 99 {
		fragments = append(fragments, rawFrame(0x00, 1024, strings.Repeat("x", 1024))...)
	}
	var all sync.WaitGroup
	for name, c := range map[string]struct {
		says []byte
		code int
	}{
		"a length of 2^62 bytes":     {rawFrame(0x81, 1<<62, "x"), websocket.CloseMessageTooBig},
		"a message of 64 KiB and 1":  {rawText(strings.Repeat("x", 64<<10+1)), websocket.CloseMessageTooBig},
		"100 KiB in fragments":       {fragments, websocket.CloseMessageTooBig},
		"a compressed frame":         {rawFrame(0xC1, 1000, strings.Repeat("\x00", 1000)), websocket.CloseProtocolError},
		"a frame without a mask":     {[]byte{0x81, 2, '{', '}'}, websocket.CloseProtocolError},
		"a long ping":                {rawFrame(0x89, 1000, strings.Repeat("x", 1000)), websocket.CloseProtocolError},
		"bytes instead of text":      {rawFrame(0x82, 2, "{}"), 4400},
		"60 kB of nesting":           {rawText(`{"type":"subscribe","id":"1","payload":` + strings.Repeat("[", 60_000)), 4400},
		"nesting in variables":       {rawText(`{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":` + strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_003)), 4400},
		"20,000 pings":               {bytes.Repeat(control(0x89, "ping"), 20_000), 4429},
		"20,000 pongs":               {bytes.Repeat(control(0x8A, ""), 20_000), 4429},
		"20,000 pings of protocol":   {bytes.Repeat(rawText(`{"type":"ping"}`), 20_000), 4429},
		"half a message and no more": {rawFrame(0x81, 100, "{"), 4408},
	} {
		all.Go(func() {
			code, err := n.told(c.says)
			if code != c.code {
				t.Errorf("%s: the socket is closed with %d (%v), want %d", name, code, err, c.code)
			}
		})
	}
	took := n.served()
	all.Wait()
	grown, cpu := s.memory()-before, s.cpu()-spent
	t.Logf("it cost %d kB and %.2f s; meanwhile another client is served in %v", grown>>10, cpu, took)
	if grown > 32<<20 || cpu > 5 {
		t.Errorf("it cost %d kB and %.2f s", grown>>10, cpu)
	}
	s.eventually("no socket is left", func() bool { return s.sockets() == 0 })
}

// told opens a socket, offers compression, says the bytes, and returns the code with which the socket is closed.
func (n *shop) told(says []byte) (int, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, EnableCompression: true}
	conn, response, err := dialer.DialContext(n.s.t.Context(), "ws"+strings.TrimPrefix(n.s.api.url, "http")+"/graphql", nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = response.Body.Close()
	if offer := response.Header.Get("Sec-Websocket-Extensions"); offer != "" {
		return 0, fmt.Errorf("the server takes up %s", offer)
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_init","payload":{"apiKey":"`+n.key+`"}}`)); err != nil {
		return 0, err
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		return 0, err
	}
	go func() { _, _ = conn.NetConn().Write(says) }()
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Second))
	conn.SetPingHandler(func(string) error { return nil }) // a writer is at work already
	conn.SetCloseHandler(func(int, string) error { return nil })
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code, err
			}
			return 0, err
		}
	}
}

// TestHostileRequests sends bodies and headers that would cost much if they were believed: each is refused, for little memory. (H9, H11, H20)
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	before := s.memory()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 100 {
		_, err := zip.Write(make([]byte, 1<<20))
		s.must(err)
	}
	s.must(zip.Close())
	deep := `{"query":"{a}","variables":{"a":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "}}"
	for name, c := range map[string]struct {
		path, body string
		header     map[string]string
		want       int
	}{
		"a zip bomb":               {"/graphql", bomb.String(), map[string]string{"Content-Encoding": "gzip"}, http.StatusRequestEntityTooLarge},
		"a zip bomb as a webhook":  {"/webhooks/meta", bomb.String(), map[string]string{"Content-Encoding": "gzip"}, http.StatusNotFound},
		"a body of 64 KiB and 1":   {"/graphql", strings.Repeat(" ", 64<<10+1), nil, http.StatusRequestEntityTooLarge},
		"a webhook of 4 MB and 1":  {"/webhooks/meta", strings.Repeat(" ", 4<<20+1), nil, http.StatusRequestEntityTooLarge},
		"nesting":                  {"/graphql", deep, nil, http.StatusBadRequest},
		"headers of 30 kB":         {"/graphql", "{}", map[string]string{"X-A": strings.Repeat("a", 30_000)}, http.StatusRequestHeaderFieldsTooLarge},
		"a credential of 15 kB":    {"/graphql", "{}", map[string]string{"Authorization": "Bearer " + strings.Repeat("a", 15_000)}, http.StatusUnauthorized},
		"a list of 5,000 accepted": {"/graphql", `{"query":"{ __typename }"}`, map[string]string{"Accept": strings.Repeat("a/b,", 3_500)}, http.StatusNotAcceptable},
		"a page of 3,000 ranges":   {"/", "", map[string]string{"Range": "bytes=" + strings.Repeat("0-1,", 3_000) + "0-1"}, http.StatusMethodNotAllowed},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.api.url+c.path, strings.NewReader(c.body))
		s.must(err)
		r.Header.Set("Content-Type", "application/json")
		for key, value := range c.header {
			r.Header.Set(key, value)
		}
		if status, text := send(t, r); status != c.want {
			t.Errorf("%s: %d %.200s, want %d", name, status, text, c.want)
		}
	}
	if grown := s.memory() - before; grown > 64<<20 {
		t.Errorf("they cost %d kB", grown>>10)
	}
	n.served()
}
