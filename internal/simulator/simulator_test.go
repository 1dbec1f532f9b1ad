package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/simulator"
)

const (
	number   = "111000111000111"
	token    = "EAAtesttoken"
	secret   = "the app secret"
	customer = "+15550100301"
)

// business is the other side: the real provider, which sends to the simulator and reads what it posts.
type business struct {
	t        *testing.T
	reader   *meta.Provider // of webhooks; it calls nobody
	provider *meta.Provider
	account  channel.Account
	webhook  *httptest.Server

	mu     sync.Mutex
	down   bool
	bodies []string
	items  []channel.Item
	news   chan struct{}
}

func newBusiness(t *testing.T) *business {
	t.Helper()
	b := &business{t: t, news: make(chan struct{}, 1000), account: channel.NewAccount("account", number, nil, []byte(`{"accessToken":"`+token+`"}`))}
	reader, err := meta.New(meta.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b.reader = reader
	b.webhook = httptest.NewServer(http.HandlerFunc(b.receive))
	t.Cleanup(b.webhook.Close)
	return b
}

func (b *business) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	items, err := b.reader.Receive(r.Context(), channel.NewEndpoint("e", nil, []byte(secret)), channel.Request{Header: r.Header, Body: body})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.bodies = append(b.bodies, string(body))
	b.items = append(b.items, items...)
	b.news <- struct{}{}
}

// setDown makes the webhook refuse everything, or take it again.
func (b *business) setDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

func (b *business) received() []channel.Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]channel.Item(nil), b.items...)
}

// firstBody returns the bytes of the first webhook.
func (b *business) firstBody() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bodies[0]
}

// await waits until at least n items have come in.
func (b *business) await(n int) []channel.Item {
	b.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if got := b.received(); len(got) >= n {
			return got
		}
		select {
		case <-b.news:
		case <-deadline:
			b.t.Fatalf("%d webhook items came, want %d", len(b.received()), n)
		}
	}
}

// statuses returns the receipts in the order they came, as "SENT DELIVERED".
func (b *business) statuses() string {
	var out []string
	for _, item := range b.received() {
		if s, ok := item.Event.(channel.StatusChanged); ok {
			out = append(out, string(s.Status))
		}
	}
	return strings.Join(out, " ")
}

func (b *business) send(text string) (channel.Receipt, error) {
	return b.provider.Send(b.t.Context(), b.account, channel.Outbound{MessageID: "m", AttemptID: "attempt-" + text,
		To: channel.Recipient{Phone: customer}, Text: text})
}

// vendor is a running simulator.
type vendor struct {
	t    *testing.T
	base string
	stop func()
}

// start runs a simulator for b; change may alter its configuration.
func (b *business) start(change ...func(*simulator.Config)) vendor {
	b.t.Helper()
	config := testConfig(b.webhook.URL)
	for _, c := range change {
		c(&config)
	}
	s, err := simulator.New(config)
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run: %v", err)
		}
		server.CloseClientConnections()
		server.Close()
	})
	b.t.Cleanup(stop)
	if b.provider, err = meta.New(meta.Config{BaseURL: server.URL, Timeout: 2 * time.Second}); err != nil {
		b.t.Fatal(err)
	}
	return vendor{t: b.t, base: server.URL, stop: stop}
}

// call uses the JSON API; the answer is decoded into out when that is not nil.
func (v vendor) call(method, path string, in, out any) int {
	v.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		v.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if out != nil {
		if err := json.NewDecoder(response.Body).Decode(out); err != nil {
			v.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return response.StatusCode
}

// write makes the customer write.
func (v vendor) write(content map[string]any) simulator.Message {
	v.t.Helper()
	content["account"] = number
	var m simulator.Message
	if status := v.call(http.MethodPost, "/api/customers/"+customer+"/messages", content, &m); status != http.StatusCreated {
		v.t.Fatalf("the customer cannot write: status %d", status)
	}
	return m
}

func (v vendor) fault(kind string, more ...any) {
	v.t.Helper()
	in := map[string]any{"kind": kind}
	for i := 0; i+1 < len(more); i += 2 {
		in[fmt.Sprint(more[i])] = more[i+1]
	}
	if status := v.call(http.MethodPost, "/api/faults", in, nil); status != http.StatusCreated {
		v.t.Fatalf("the fault %s is refused: status %d", kind, status)
	}
}

// settle waits until every webhook has been taken and noted.
func (v vendor) settle() {
	v.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		var outbox struct{ Waiting int }
		if v.call(http.MethodGet, "/api/outbox", nil, &outbox); outbox.Waiting == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			v.t.Fatalf("%d webhooks are not taken", outbox.Waiting)
		}
	}
}

func (v vendor) calls() []simulator.Call {
	v.t.Helper()
	var out struct{ Calls []simulator.Call }
	v.call(http.MethodGet, "/api/calls", nil, &out)
	return out.Calls
}

func TestConversation(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	written := v.write(map[string]any{"text": "Größe 😀 / M?", "name": "Mía"})
	in, ok := b.await(1)[0].Event.(channel.Inbound)
	if !ok || in.Text != "Größe 😀 / M?" || in.From.Name != "Mía" || in.From.Phone != customer || in.ExternalID != written.ID {
		t.Fatalf("the business reads %+v", in)
	}
	if body := b.firstBody(); !strings.Contains(body, `Gr\u00f6\u00dfe \ud83d\ude00 \/ M?`) {
		t.Errorf("the webhook is not escaped as Meta does it: %s", body)
	}
	receipt, err := b.send("yes")
	if err != nil || receipt.Recipient != customer {
		t.Fatalf("Send = %+v, %v", receipt, err)
	}
	for i, want := range []channel.Status{channel.StatusSent, channel.StatusDelivered, channel.StatusRead} {
		got, ok := b.await(4)[i+1].Event.(channel.StatusChanged)
		if !ok || got.Status != want || got.ExternalID != receipt.ExternalID || got.AttemptID != "attempt-yes" {
			t.Errorf("receipt %d is %+v, want %s", i, got, want)
		}
	}
	calls := v.calls()
	if len(calls) != 1 || !calls[0].Accepted || calls[0].Opaque != "attempt-yes" || calls[0].MessageID != receipt.ExternalID || calls[0].EndedAt.IsZero() {
		t.Errorf("calls = %+v", calls)
	}
	v.settle()
	if told := v.calls()[0].Told; told != "read" {
		t.Errorf("the business was told that its message is %q", told)
	}
	var chat struct{ Messages []simulator.Message }
	v.call(http.MethodGet, "/api/chats/"+customer+"?account="+number, nil, &chat)
	if len(chat.Messages) != 2 || chat.Messages[0].Status != "delivered" || chat.Messages[1].Status != "read" || chat.Messages[1].Text != "yes" {
		t.Errorf("chat = %+v", chat.Messages)
	}
}

func TestEveryCustomerMessageIsUnderstood(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	first := v.write(map[string]any{"text": "first"})
	for _, content := range []map[string]any{
		{"text": "a reply", "replyTo": first.ID},
		{"media": map[string]any{"data": []byte("png"), "mimeType": "image/png", "caption": "look"}},
		{"media": map[string]any{"type": "audio", "data": []byte("ogg"), "mimeType": "audio/ogg", "voice": true}},
		{"media": map[string]any{"type": "document", "data": []byte("pdf"), "mimeType": "application/pdf", "filename": "a.pdf"}},
		{"location": map[string]any{"latitude": 52.5, "longitude": 13.4, "name": "Here"}},
		{"reaction": map[string]any{"messageId": first.ID, "emoji": "👍"}},
		{"edit": map[string]any{"messageId": first.ID, "text": "first, mended"}},
		{"delete": map[string]any{"messageId": first.ID}},
		{"raw": map[string]any{"type": "button", "button": map[string]any{"text": "Yes", "payload": "YES"}}},
		{"raw": map[string]any{"type": "hologram", "hologram": map[string]any{"depth": 3}}},
	} {
		v.write(content)
	}
	want := []channel.Kind{"TEXT", "TEXT", "IMAGE", "AUDIO", "DOCUMENT", "LOCATION", "REACTION", "EDIT", "DELETION", "INTERACTIVE", "UNSUPPORTED"}
	for i, item := range b.await(len(want)) {
		in, ok := item.Event.(channel.Inbound)
		if !ok || in.Kind != want[i] {
			t.Errorf("message %d is %+v (%s), want %s", i, item.Event, item.Reason, want[i])
			continue
		}
		if in.Content.Media == nil {
			continue
		}
		file, err := b.provider.FetchMedia(t.Context(), b.account, *in.Content.Media)
		if err != nil {
			t.Errorf("message %d: its file cannot be fetched: %v", i, err)
			continue
		}
		data, err := io.ReadAll(file)
		_ = file.Close()
		if err != nil || len(data) != 3 {
			t.Errorf("message %d: file %q, %v", i, data, err)
		}
	}
}

func TestWindow(t *testing.T) {
	var offset time.Duration
	var mu sync.Mutex
	b := newBusiness(t)
	v := b.start(func(c *simulator.Config) {
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(offset)
		}
	})
	wantClosed := func(when string) {
		t.Helper()
		if _, err := b.send("x"); err == nil || channel.AsSendError(err).Code != "131047" {
			t.Errorf("%s: %v, want 131047", when, err)
		}
	}
	wantClosed("before the customer wrote")
	v.write(map[string]any{"text": "hello"})
	if _, err := b.send("x"); err != nil {
		t.Errorf("within the window: %v", err)
	}
	mu.Lock()
	offset = 24*time.Hour + time.Minute
	mu.Unlock()
	wantClosed("a day later")
	template := channel.Outbound{AttemptID: "t", To: channel.Recipient{Phone: customer}, Template: &channel.Template{Name: "hello", Language: "en"}}
	if _, err := b.provider.Send(t.Context(), b.account, template); err != nil {
		t.Errorf("a template outside the window: %v", err)
	}
	v.call(http.MethodPut, "/api/settings", map[string]any{"ignoreWindow": true}, nil)
	if _, err := b.send("x"); err != nil {
		t.Errorf("with the window ignored: %v", err)
	}
}

func TestWrongCredentials(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	v.write(map[string]any{"text": "hello"})
	for name, a := range map[string]channel.Account{
		"wrong token":    channel.NewAccount("a", number, nil, []byte(`{"accessToken":"other"}`)),
		"unknown number": channel.NewAccount("a", "999", nil, []byte(`{"accessToken":"`+token+`"}`)),
	} {
		_, err := b.provider.Send(t.Context(), a, channel.Outbound{To: channel.Recipient{Phone: customer}, Text: "x"})
		if err == nil || channel.AsSendError(err).Class != channel.Auth {
			t.Errorf("%s: %v, want an auth failure", name, err)
		}
	}
	if calls := v.calls(); len(calls) != 0 {
		t.Errorf("strangers' calls are on record: %+v", calls)
	}
}

func TestAPIRefusals(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	for _, c := range []struct {
		method, path string
		in           any
	}{
		{http.MethodPost, "/api/customers/nobody/messages", map[string]any{"account": number, "text": "x"}},
		{http.MethodPost, "/api/customers/" + customer + "/messages", map[string]any{"account": "999", "text": "x"}},
		{http.MethodPost, "/api/customers/" + customer + "/messages", map[string]any{"account": number}},
		{http.MethodPost, "/api/customers/" + customer + "/messages", map[string]any{"account": number, "txt": "x"}},
		{http.MethodPost, "/api/faults", map[string]any{"kind": "earthquake"}},
		{http.MethodPost, "/api/faults", map[string]any{"kind": "auth", "probability": 2}},
		{http.MethodDelete, "/api/faults/7", nil},
		{http.MethodPut, "/api/accounts/5", map[string]any{"displayPhone": "x"}},
		{http.MethodPost, "/api/webhooks", map[string]any{"account": number}},
	} {
		var out struct{ Error string }
		if status := v.call(c.method, c.path, c.in, &out); status/100 != 4 || out.Error == "" {
			t.Errorf("%s %s %v: status %d, %q; want a refusal with words", c.method, c.path, c.in, status, out.Error)
		}
	}
}
