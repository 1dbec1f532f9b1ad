package httpd

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// nowhere is a directory without addresses, and what it was asked for.
type nowhere struct {
	inbox.Directory
	asked []string
}

func (n *nowhere) AccountByEndpoint(_ context.Context, _, id string) (inbox.Route, bool, error) {
	n.asked = append(n.asked, id)
	return inbox.Route{}, false, nil
}

func newNowhere(t testing.TB) (*webhooks, *nowhere) {
	t.Helper()
	provider, err := meta.New(meta.Config{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := channel.NewRegistry(provider)
	if err != nil {
		t.Fatal(err)
	}
	directory, now := &nowhere{}, time.Unix(1_790_000_000, 0)
	handler := NewWebhooks(WebhookConfig{Providers: registry, Directory: directory, Log: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { now = now.Add(time.Second); return now }}) // so that nobody is shed
	return handler.(*webhooks), directory
}

// What is remembered of addresses that do not exist is bounded, in number and in length: whoever asks has proved nothing. (H24)
func TestUnknownAddressesCostLittleMemory(t *testing.T) {
	t.Parallel()
	h, directory := newNowhere(t)
	ask := func(id string) {
		path := webhookPath{provider: "meta", id: id, own: true}
		provider, _ := h.Providers.Provider("meta")
		if found, err := h.endpoints.find(t.Context(), provider, path); err != nil || found.route != nil {
			t.Fatalf("%.40q: %+v, %v", id, found, err)
		}
	}
	for _, id := range []string{"", "\x00", "\xff", "a b", "a/b", "a.b", "ä", strings.Repeat("x", 101), strings.Repeat("x", 16_000)} {
		ask(id)
	}
	if len(directory.asked) != 0 || len(h.endpoints.known) != 0 {
		t.Errorf("the database was asked for %q, %d are remembered", directory.asked, len(h.endpoints.known))
	}
	for i := range 2*endpointsMost + 1 {
		ask(fmt.Sprintf("%0100d", i))
	}
	bytes := 0
	for name := range h.endpoints.known {
		bytes += len(name)
	}
	if len(h.endpoints.known) > endpointsMost || bytes > 110*endpointsMost {
		t.Errorf("%d addresses of %d bytes are remembered", len(h.endpoints.known), bytes)
	}
}

// FuzzWebhookPath looks for an address that is answered otherwise than one that does not exist, or that the database is asked for although
// no id looks so.
func FuzzWebhookPath(f *testing.F) {
	for _, seed := range []string{"meta", "meta/", "meta/x", "meta/\x00", "meta/\xff", "meta/a/b", "", "/", "nobody/x", "meta/" + strings.Repeat("x", 200)} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	h, directory := newNowhere(f)
	f.Fuzz(func(t *testing.T, path string, post bool) {
		r := httptest.NewRequest(http.MethodGet, "/webhooks/", nil)
		if post {
			r = httptest.NewRequest(http.MethodPost, "/webhooks/", strings.NewReader("{}"))
		}
		r.URL = &url.URL{Path: "/webhooks/" + path}
		directory.asked = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Fatalf("%q is answered %d", path, w.Code)
		}
		for _, id := range directory.asked {
			if !plain.MatchString(id) {
				t.Fatalf("the database is asked for %q", id)
			}
		}
	})
}
