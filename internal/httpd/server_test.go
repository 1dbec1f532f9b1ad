package httpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestServeLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	listener := httptest.NewUnstartedServer(nil).Listener
	ctx, stop := context.WithCancel(t.Context())
	entered, finish, closing := make(chan struct{}), make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-finish
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "done")
	})
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, handler, slog.New(slog.DiscardHandler), func(context.Context) { close(closing) })
	}()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		line, _ := bufio.NewReader(response.Body).ReadString('\n')
		answer <- response.Status + " " + line
	}()
	<-entered
	stop()
	<-closing
	select {
	case err := <-ended:
		t.Fatalf("ended with a request under way: %v", err)
	default:
	}
	close(finish)
	if got := <-answer; got != "200 OK done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// R70, H9: a client that does not take his answer holds no shutdown up, whatever deadline his answer has, and is no error.
func TestServeEndsBesideReadersThatStop(t *testing.T) {
	t.Parallel()
	listener := httptest.NewUnstartedServer(nil).Listener
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	handler := bounded(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for err == nil {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
			if _, err = w.Write(make([]byte, 1<<20)); ctx.Err() == nil {
				stop()
			}
		}
		written <- err
	}))
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, listener, handler, slog.New(slog.DiscardHandler), func(context.Context) {}, time.Minute, time.Minute-time.Second)
	}()
	if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the answer that nobody took ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	down := func(context.Context) error { return io.ErrUnexpectedEOF }
	up := func(context.Context) error { return nil }
	ask := func(h *Health, path string) (int, string) {
		w := httptest.NewRecorder()
		NewAdminHandler(h, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	checks := func(err ...func(context.Context) error) map[string]func(context.Context) error {
		return map[string]func(context.Context) error{"x": err[0]}
	}
	ready := &Health{Required: checks(up), Reported: map[string]func(context.Context) error{"redis": down}}
	if code, body := ask(ready, "/readyz"); code != 200 || !strings.Contains(body, `"redis":"failed"`) {
		t.Errorf("Redis is required: %d %s", code, body)
	}
	if code, _ := ask(&Health{Required: checks(down)}, "/readyz"); code != 503 {
		t.Errorf("Postgres is not required: %d", code)
	}
	ready.Stop()
	if code, _ := ask(ready, "/readyz"); code != 503 {
		t.Errorf("ready while stopping: %d", code)
	}
	if code, _ := ask(ready, "/healthz"); code != 200 {
		t.Errorf("not alive while stopping: %d", code)
	}
}
