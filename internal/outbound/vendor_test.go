package outbound_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// vendor is a provider's API as a test wants it. Its replies decide what our side sees; accepted counts what it really took.
type vendor struct {
	server *httptest.Server
	mu     sync.Mutex
	calls  []*vendorCall
	reply  func(*vendorCall) answer
}

// vendorCall is one request as the vendor saw it.
type vendorCall struct {
	Message  string `json:"message"`
	Attempt  string `json:"attempt"`
	To       string `json:"to"`
	Text     string `json:"text"`
	Template string `json:"template"`
	no       int    // among the calls for this message, from 1
	accepted bool
	begun    time.Time
	ended    time.Time
}

// answer is how the vendor behaves: whether it takes the message, and what it says.
type answer struct {
	take       bool
	cut        bool          // the connection is cut instead of an answer
	half       bool          // half of an answer
	status     int           // instead of 200
	class      channel.Class // a refusal
	retryAfter time.Duration
	pair       bool            // the limit is of this recipient
	wait       <-chan struct{} // before it answers
	silent     bool            // it never answers
	panics     bool            // our own provider code falls over it, and quotes the message
	stumbles   bool            // our own provider code reads what is not there
}

func take(*vendorCall) answer { return answer{take: true} }

func refuse(class channel.Class) func(*vendorCall) answer {
	return func(*vendorCall) answer { return answer{class: class} }
}

func newVendor(t testing.TB) *vendor {
	v := &vendor{reply: take}
	v.server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.server.Close)
	return v
}

func (v *vendor) behave(reply func(*vendorCall) answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reply = reply
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	call := &vendorCall{begun: time.Now()}
	if err := json.NewDecoder(r.Body).Decode(call); err != nil {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	v.mu.Lock()
	for _, c := range v.calls {
		if c.Message == call.Message {
			call.no++
		}
	}
	call.no++
	v.calls = append(v.calls, call)
	reply := v.reply
	v.mu.Unlock()
	a := reply(call)
	if a.wait != nil {
		<-a.wait
	}
	v.mu.Lock()
	call.accepted, call.ended = a.take, time.Now()
	v.mu.Unlock()
	v.answer(w, call, a)
}

func (v *vendor) answer(w http.ResponseWriter, call *vendorCall, a answer) {
	switch {
	case a.cut:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	case a.half:
		_, _ = io.WriteString(w, `{"id": "`)
	case a.panics:
		_, _ = io.WriteString(w, `{"panic": true}`)
	case a.stumbles:
		_, _ = io.WriteString(w, `{"messages": []}`)
	case a.status != 0:
		w.WriteHeader(a.status)
	case a.class != "":
		_ = json.NewEncoder(w).Encode(map[string]any{"class": a.class, "retryAfter": a.retryAfter.Milliseconds(), "pair": a.pair})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "ext-" + call.Attempt})
	}
}

// seen returns copies of the calls so far.
func (v *vendor) seen() []vendorCall {
	v.mu.Lock()
	defer v.mu.Unlock()
	calls := make([]vendorCall, len(v.calls))
	for i, c := range v.calls {
		calls[i] = *c
	}
	return calls
}

// taken counts the accepted calls of each message.
func (v *vendor) taken() map[string]int {
	taken := map[string]int{}
	for _, c := range v.seen() {
		if c.accepted {
			taken[c.Message]++
		}
	}
	return taken
}

// stub is a provider that speaks the vendor's small protocol.
type stub struct {
	url    string
	client *http.Client
	rate   channel.Rate
}

func (stub) Kind() string { return "stub" }

func (s stub) Rate(channel.Account) channel.Rate { return s.rate }

func (stub) Receive(context.Context, channel.Endpoint, channel.Request) ([]channel.Item, error) {
	return nil, channel.ErrSignature
}

func (s stub) Send(ctx context.Context, account channel.Account, m channel.Outbound) (channel.Receipt, error) {
	var credentials struct {
		Token string `json:"token"`
	}
	if err := account.DecodeCredentials(&credentials); err != nil || credentials.Token != "let me in" {
		return channel.Receipt{}, &channel.SendError{Class: channel.Auth, Code: "token", Reason: "Wrong token."}
	}
	body, _ := json.Marshal(map[string]any{
		"message": m.MessageID, "attempt": m.AttemptID, "to": m.To.Phone + m.To.UserID, "text": m.Text, "template": nameOf(m.Template),
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return channel.Receipt{}, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return channel.Receipt{}, unknown("cut")
	}
	defer func() { _ = response.Body.Close() }()
	var said struct {
		ID         string        `json:"id"`
		Class      channel.Class `json:"class"`
		RetryAfter int64         `json:"retryAfter"`
		Pair       bool          `json:"pair"`
		Panic      bool          `json:"panic"`
		Messages   []string      `json:"messages"`
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&said) != nil {
		return channel.Receipt{}, unknown("unreadable")
	}
	if said.Panic {
		panic("the provider's code is wrong about " + m.Text)
	}
	if said.Messages != nil {
		return channel.Receipt{ExternalID: said.Messages[0]}, nil
	}
	if said.Class != "" {
		return channel.Receipt{}, &channel.SendError{Class: said.Class, Code: "no", Reason: "The vendor says no.",
			RetryAfter: time.Duration(said.RetryAfter) * time.Millisecond, OneRecipient: said.Pair}
	}
	return channel.Receipt{ExternalID: said.ID}, nil
}

func unknown(code string) error {
	return &channel.SendError{Class: channel.Transient, Code: code, Reason: "Nobody knows.", OutcomeUnknown: true}
}

func nameOf(t *channel.Template) string {
	if t == nil {
		return ""
	}
	return t.Name
}
