package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// receiver returns the provider for tests of webhooks, where the vendor is never called.
func (f Fixture) receiver(t *testing.T) channel.Provider {
	return f.vendor(t, time.Second, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("reading a webhook called the vendor: %s %s", r.Method, r.URL)
	})
}

// signatures checks that what the vendor signed is read, and that anything else is refused with the same error.
func (f Fixture) signatures(t *testing.T) {
	p := f.receiver(t)
	body := f.webhook(t, f.webhookNames(t)[0])
	if _, err := p.Receive(context.Background(), f.Endpoint, f.Sign(body)); err != nil {
		t.Fatalf("a signed webhook is refused: %v", err)
	}
	tampers := map[string]func(channel.Request) channel.Request{
		"body changed": func(r channel.Request) channel.Request {
			r.Body = append(slices.Clone(r.Body), ' ')
			return r
		},
		"no headers": func(r channel.Request) channel.Request {
			r.Header = http.Header{}
			return r
		},
		"every header changed": func(r channel.Request) channel.Request {
			for name, values := range r.Header {
				r.Header[name] = []string{"0" + values[0][1:]}
			}
			return r
		},
	}
	maps.Copy(tampers, f.Tamper)
	for name, tamper := range tampers {
		t.Run(name, func(t *testing.T) {
			signed := f.Sign(slices.Clone(body))
			signed.Header = signed.Header.Clone()
			items, err := p.Receive(context.Background(), f.Endpoint, tamper(signed))
			if !errors.Is(err, channel.ErrSignature) || items != nil {
				t.Errorf("Receive = %d items, %v; want none and ErrSignature", len(items), err)
			}
		})
	}
	t.Run("unknown endpoint", func(t *testing.T) {
		if _, err := p.Receive(context.Background(), channel.UnknownEndpoint(), f.Sign(body)); !errors.Is(err, channel.ErrSignature) {
			t.Errorf("Receive = %v, want ErrSignature", err)
		}
	})
	t.Run("signed but unreadable", func(t *testing.T) {
		if _, err := p.Receive(context.Background(), f.Endpoint, f.Sign([]byte(`{"half":`))); !errors.Is(err, channel.ErrMalformed) {
			t.Errorf("Receive = %v, want ErrMalformed", err)
		}
	})
}

// goldenItem is an item as a golden file shows it.
type goldenItem struct {
	Account string `json:"account"`
	Key     string `json:"key"`
	Reason  string `json:"reason,omitzero"`
	Type    string `json:"type,omitzero"`
	Event   any    `json:"event,omitzero"`
	Raw     any    `json:"raw"`
}

// webhooks compares the items of every recorded body with its golden file, and reads each twice: the same bytes must give the
// same keys, or a redelivery would be a second message.
func (f Fixture) webhooks(t *testing.T) {
	p := f.receiver(t)
	for _, name := range f.webhookNames(t) {
		t.Run(name, func(t *testing.T) {
			body := f.webhook(t, name)
			items, err := p.Receive(context.Background(), f.Endpoint, f.Sign(body))
			if err != nil {
				t.Fatalf("Receive: %v", err)
			}
			again, err := p.Receive(context.Background(), f.Endpoint, f.Sign(body))
			if err != nil || len(again) != len(items) {
				t.Fatalf("read again: %d items, %v; want %d", len(again), err, len(items))
			}
			shown := make([]goldenItem, 0, len(items))
			for i, item := range items {
				checkItem(t, item)
				if again[i].Key != item.Key {
					t.Errorf("item %d has the key %q, then %q", i, item.Key, again[i].Key)
				}
				shown = append(shown, show(item))
			}
			golden(t, "webhooks/"+name, shown)
		})
	}
}

// checkItem checks what holds for every item of every provider.
func checkItem(t *testing.T, item channel.Item) {
	t.Helper()
	if (item.Event == nil) == (item.Reason == "") {
		t.Errorf("item %q needs either an event or a reason", item.Key)
	}
	if item.Event != nil && item.Key == "" {
		t.Error("an item with an event needs a key")
	}
	if len(item.Raw) == 0 {
		t.Errorf("item %q has lost its bytes", item.Key)
	}
	if in, ok := item.Event.(channel.Inbound); ok && (in.ExternalID == "" || in.From.Phone == "" && in.From.UserID == "" || in.Kind == "") {
		t.Errorf("message %q lacks an id, a sender or a kind", item.Key)
	}
}

func show(item channel.Item) goldenItem {
	g := goldenItem{Account: item.AccountRef, Key: item.Key, Reason: item.Reason, Event: item.Event, Raw: string(item.Raw)}
	if item.Event != nil {
		g.Type = strings.TrimPrefix(fmt.Sprintf("%T", item.Event), "channel.")
	}
	if json.Valid(item.Raw) {
		g.Raw = json.RawMessage(item.Raw)
	}
	return g
}

// account checks that an account and an endpoint can be printed and logged without showing what opens them.
func (f Fixture) account(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "account", f.Account, "endpoint", f.Endpoint)
	f.showsNoSecret(t, "a log line", log.String())
	f.showsNoSecret(t, "a printed account", fmt.Sprintf("%v %+v %#v %s", f.Account, f.Account, f.Account, f.Account))
	f.showsNoSecret(t, "a printed endpoint", fmt.Sprintf("%v %+v %#v %s", f.Endpoint, f.Endpoint, f.Endpoint, f.Endpoint))
	p := f.receiver(t)
	if p.Kind() == "" || strings.ToLower(p.Kind()) != p.Kind() {
		t.Errorf("kind %q must be a lower-case word", p.Kind())
	}
	checker, ok := p.(channel.Checker)
	if !ok {
		return
	}
	if err := checker.Check(f.Account); err != nil {
		t.Errorf("Check refuses the working account: %v", err)
	}
	if err := checker.Check(channel.NewAccount("empty", "", nil, nil)); err == nil {
		t.Error("Check takes an account without anything in it")
	}
}

func (f Fixture) webhookNames(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "webhooks", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".json"); !strings.HasSuffix(name, ".golden") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatal("there is no webhook in testdata/webhooks")
	}
	return names
}

func (f Fixture) webhook(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "webhooks", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(body)
}
