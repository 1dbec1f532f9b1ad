package channeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// wireRequest is a request as it arrived at the vendor, in a form that can be read and compared.
type wireRequest struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"header"`
	Body   json.RawMessage   `json:"body"`
}

// requests compares what each message puts on the wire with its golden file. It is also where the opaque attempt id is looked
// for: without it, a lost answer can never be matched with its receipt.
func (f Fixture) requests(t *testing.T) {
	for name, m := range f.Sends {
		t.Run(name, func(t *testing.T) {
			var got wireRequest
			p := f.vendor(t, 5*time.Second, func(w http.ResponseWriter, r *http.Request) {
				got = f.record(t, r)
				f.Accept.write(w, r)
			})
			if _, err := p.Send(context.Background(), f.Account, m); err != nil {
				t.Fatalf("Send: %v", err)
			}
			if m.AttemptID != "" && !strings.Contains(got.URL+string(got.Body), m.AttemptID) {
				t.Errorf("the request does not carry the attempt id")
			}
			f.showsNoSecret(t, "the address", got.URL)
			golden(t, "send/"+name, got)
		})
	}
}

// record notes a request; a secret is named by its number, so that the golden file shows where it travels.
func (f Fixture) record(t *testing.T, r *http.Request) wireRequest {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("reading the request: %v", err)
	}
	if !json.Valid(body) {
		body, _ = json.Marshal(string(body))
	}
	w := wireRequest{Method: r.Method, URL: r.URL.String(), Header: map[string]string{}, Body: body}
	for name, values := range r.Header {
		if slices.Contains([]string{"Content-Length", "Accept-Encoding"}, name) {
			continue // the HTTP library's affair
		}
		value := strings.Join(values, " | ")
		for i, secret := range f.Secrets {
			value = strings.ReplaceAll(value, secret, fmt.Sprintf("<secret %d>", i+1))
		}
		w.Header[name] = value
	}
	return w
}

func (f Fixture) acceptance(t *testing.T) {
	p := f.vendor(t, 5*time.Second, f.Accept.write)
	got, err := p.Send(context.Background(), f.Account, f.anySend(t))
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	if got != f.Receipt {
		t.Errorf("receipt = %+v, want %+v", got, f.Receipt)
	}
}

// rejections checks every answer that says no: its class, and that its outcome is known, so that the message may be sent again.
func (f Fixture) rejections(t *testing.T) {
	covered := map[channel.Class]bool{}
	for _, r := range f.Rejections {
		covered[r.Class] = true
		t.Run(r.Name, func(t *testing.T) {
			r.Answer.Body = strings.ReplaceAll(r.Answer.Body, "{{secret}}", f.Secrets[0])
			p := f.vendor(t, 5*time.Second, r.Answer.write)
			e := f.sendFailure(t, p, f.anySend(t))
			if e.Class != r.Class || e.Code != r.Code || e.RetryAfter != r.RetryAfter {
				t.Errorf("failure = %s %s after %s, want %s %s after %s", e.Class, e.Code, e.RetryAfter, r.Class, r.Code, r.RetryAfter)
			}
			if e.OneRecipient != r.OneRecipient {
				t.Errorf("it is a limit of one recipient: %t, want %t", e.OneRecipient, r.OneRecipient)
			}
			if e.OutcomeUnknown {
				t.Error("an answer that refuses leaves no doubt, but the outcome is unknown")
			}
		})
	}
	for _, class := range channel.Classes() {
		if !covered[class] {
			t.Errorf("no rejection shows the class %s", class)
		}
	}
}

// outcomes checks what a provider says when it has no answer: nothing left the machine, or nobody can know.
func (f Fixture) outcomes(t *testing.T) {
	half := f.Accept.Body[:len(f.Accept.Body)/2]
	handlers := map[string]http.HandlerFunc{
		"garbage with 200":     Answer{Status: http.StatusOK, Body: "<html>welcome</html>"}.write,
		"nothing with 200":     Answer{Status: http.StatusOK}.write,
		"half JSON with 200":   Answer{Status: http.StatusOK, Body: half}.write,
		"garbage with 502":     Answer{Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"}.write,
		"cut before an answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut within an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(f.Accept.Body)))
			_, _ = io.WriteString(w, half)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			f.wantUnknown(t, f.sendFailure(t, f.vendor(t, 5*time.Second, handler), f.anySend(t)), true)
		})
	}
	t.Run("silence", f.silence)
	t.Run("nobody listens", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		_ = listener.Close()
		p := f.New(t, "http://"+address, 5*time.Second)
		f.wantUnknown(t, f.sendFailure(t, p, f.anySend(t)), false)
	})
}

// silence checks that a vendor who never answers costs the provider's timeout, not the caller's patience.
func (f Fixture) silence(t *testing.T) {
	release := make(chan struct{})
	var once sync.Once
	p := f.vendor(t, patience, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { once.Do(func() { close(release) }) }) // runs before the server's own cleanup
	began := time.Now()
	e := f.sendFailure(t, p, f.anySend(t))
	if took := time.Since(began); took > 20*patience {
		t.Errorf("Send gave up after %s, want about %s", took, patience)
	}
	f.wantUnknown(t, e, true)
}

func (f Fixture) wantUnknown(t *testing.T, e *channel.SendError, want bool) {
	t.Helper()
	if e.Class != channel.Transient || e.OutcomeUnknown != want {
		t.Errorf("failure = %s %s, unknown outcome %t; want %s, unknown outcome %t", e.Class, e.Code, e.OutcomeUnknown, channel.Transient, want)
	}
}
