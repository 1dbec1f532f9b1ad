package httpd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// held is an ingest that stores nothing before it is let go.
type held struct {
	arrived chan struct{}
	letGo   chan struct{}
}

func (h *held) Ingest(_ context.Context, requests []inbox.Request) []error {
	h.arrived <- struct{}{}
	<-h.letGo
	return make([]error, len(requests))
}

func isShed(w *httptest.ResponseRecorder) bool {
	return w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != ""
}

// H26, R79: no more webhooks are taken in at a time than are stored soon; the others are told to come again, and those taken in are stored.
func TestStoringIsShedWhenItIsFull(t *testing.T) {
	t.Parallel()
	ingest := &held{arrived: make(chan struct{}, 2000), letGo: make(chan struct{})}
	d := newDesk(t, func(c *httpd.WebhookConfig) { c.Ingest = ingest })
	d.place("7001")
	post := func(i int) *httptest.ResponseRecorder {
		return d.post(d.handler, "/webhooks/meta", appSecret, text("7001", fmt.Sprint("m", i), "491711234567", "x"))
	}
	const most = 1024
	var all sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for i := range most {
		all.Go(func() {
			if w := post(i); w.Code == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				stored++
			}
		})
		<-ingest.arrived
	}
	if w := post(most); !isShed(w) {
		t.Errorf("one more is answered %d", w.Code)
	}
	close(ingest.letGo)
	all.Wait()
	if stored != most {
		t.Errorf("%d of %d that were taken in are stored", stored, most)
	}
	if w := post(most); w.Code != http.StatusOK {
		t.Errorf("afterwards one is answered %d", w.Code)
	}
}

// R79, H26: bodies that are sent but for their last byte hold bounded memory; another network is served, and all are when they are gone.
func TestBodiesHoldBoundedMemory(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place("7002")
	post := func(network string, body io.Reader, key string, whole []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/meta", body)
		r.RemoteAddr = network + ":1234"
		r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(key), whole))
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	genuine := func(network, id string) int {
		body := text("7002", id, "491711234567", "x")
		return post(network, bytes.NewReader(body), appSecret, body).Code
	}
	var all sync.WaitGroup
	var stalled []*io.PipeWriter
	chunk := make([]byte, 4<<20-16)
	for range 8 { // 32 MB but for some 100 bytes
		reader, writer := io.Pipe()
		stalled = append(stalled, writer)
		all.Go(func() { post("198.51.100.1", reader, "forged", nil) })
		for _, part := range [][]byte{chunk, {0}} { // that the second one is read means that the first one is counted
			_, err := writer.Write(part)
			must(t, err)
		}
	}
	if code := genuine("198.51.100.1", "m1"); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook of the network is answered %d", code)
	}
	if code := genuine("203.0.113.9", "m1"); code != http.StatusOK {
		t.Errorf("a webhook of another network is answered %d", code)
	}
	if w := post("198.51.100.1", bytes.NewReader(chunk), "forged", nil); !isShed(w) {
		t.Errorf("one more body of the network is answered %d", w.Code)
	}
	for _, writer := range stalled {
		_ = writer.Close()
	}
	all.Wait()
	if code := genuine("198.51.100.1", "m2"); code != http.StatusOK {
		t.Errorf("afterwards a webhook of the network is answered %d", code)
	}
}
