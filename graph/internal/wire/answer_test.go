package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// answers is an executor whose every query is answered with so many bytes, once so many are asked at a time.
type answers struct {
	size int
	all  *sync.WaitGroup
}

func (a answers) CreateOperationContext(context.Context, *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	return &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: ast.Query}}, nil
}

func (a answers) DispatchError(context.Context, gqlerror.List) *graphql.Response { return nil }

func (a answers) DispatchOperation(ctx context.Context, op *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	return func(context.Context) *graphql.Response {
		a.all.Done()
		a.all.Wait()
		return &graphql.Response{Data: []byte(`"` + strings.Repeat("x", a.size) + `"`)}
	}, graphql.WithOperationContext(ctx, op)
}

// ask opens a socket on which nothing ends but by what it holds, and asks so many queries at a time on it.
func ask(t *testing.T, queries, size int) (*Transports, *websocket.Conn) {
	t.Helper()
	limits := DefaultLimits()
	limits.WriteTimeout, limits.QueueAge, limits.PingEvery, limits.OperationTimeout = time.Hour, time.Hour, time.Hour, time.Hour
	return askWithin(t, limits, queries, size)
}

func askWithin(t *testing.T, limits Limits, queries, size int) (*Transports, *websocket.Conn) {
	t.Helper()
	transports := New(Config{
		Limits: limits, ClientIP: func(*http.Request) string { return "" },
		Present: func(_ context.Context, err error) *gqlerror.Error { return gqlerror.Wrap(err) },
		Authenticate: func(context.Context, *http.Request, Init) (Caller, error) {
			ada := Caller{Key: "ada", Context: func(ctx context.Context) context.Context { return ctx }}
			ada.Again = func(context.Context) (Caller, error) { return ada, nil }
			return ada, nil
		},
	})
	all := &sync.WaitGroup{}
	all.Add(queries)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { transports.Serve(w, r, answers{size, all}) }))
	t.Cleanup(server.Close)
	dialer := websocket.Dialer{Subprotocols: []string{subprotocol}}
	conn, response, err := dialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	messages := []string{`{"type":"connection_init"}`}
	for i := range queries {
		messages = append(messages, fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"{a}"}}`, i))
	}
	for i, message := range messages {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, _, err := conn.ReadMessage(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return transports, conn
}

// R44, H9: a socket holds so many bytes of answers for a reader who is behind; when more are ready, it is closed.
func TestAnswersOfASocketAreBounded(t *testing.T) {
	t.Parallel()
	transports, conn := ask(t, 6, MaxAnswer-100)
	for end := time.Now().Add(patience); transports.Connections() > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is open")
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	got := 0
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
		got++
	}
	if got > 2 {
		t.Errorf("%d answers came of a socket that was closed for its answers", got)
	}
}

// Who reads gets every answer, also when they are more together than a queue holds, and each of them.
func TestAnswersWaitForTheirReader(t *testing.T) {
	t.Parallel()
	for _, size := range []int{MaxAnswer - 100, maxHeld / 20} {
		queries := min(20, (maxHeld+MaxAnswer)/size)
		_, conn := ask(t, queries, size)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for ended := 0; ended < queries; {
			_, message, err := conn.ReadMessage()
			if err != nil {
				t.Fatalf("%d of %d answers of %d bytes, then %v", ended, queries, size, err)
			}
			if strings.HasPrefix(string(message), `{"type":"complete"`) || len(message) < 100 {
				ended++
			} else if len(message) < size {
				t.Errorf("an answer of %d bytes, want %d", len(message), size)
			}
		}
	}
}

// An answer that is too large is an error that names the limit.
func TestAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	_, conn := ask(t, 1, MaxAnswer)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, message, err := conn.ReadMessage()
	if err != nil || !strings.Contains(string(message), "the answer is larger than") || !strings.Contains(string(message), `"data":null`) {
		t.Errorf("%.200s, %v", message, err)
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Errorf("the socket ends with %v", err)
	}
}

// Whoever reads a large answer steadily is told its end, also when that takes longer than a message may wait, or than a reader may be silent: what waits
// behind an answer does not age meanwhile, and each part of it that he takes is a sign of life.
func TestASlowAnswerIsToldItsEnd(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.QueueAge, limits.PingEvery, limits.PongWithin = time.Second, time.Second, time.Second
	_, conn := askWithin(t, limits, 1, MaxAnswer-100)
	_ = conn.NetConn().(*net.TCPConn).SetReadBuffer(socketBuffer)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, answer, err := conn.NextReader()
	for range 30 { // longer than both
		if err == nil {
			_, err = io.CopyN(io.Discard, answer, (MaxAnswer-100)/30)
			<-time.After(100 * time.Millisecond)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, message, err := conn.ReadMessage(); err != nil || !strings.Contains(string(message), `"type":"complete"`) {
		t.Errorf("after the answer comes %.200s, %v", message, err)
	}
}
