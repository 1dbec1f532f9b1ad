package meta_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/channeltest"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
)

const (
	accessToken = "EAAtesttoken0123456789"
	appSecret   = "an-app-secret-for-tests"
	verifyToken = "a-verify-token-for-tests"
	accepted    = `{"messaging_product":"whatsapp","contacts":[{"input":"15550100301","wa_id":"15550100301 "}],` +
		`"messages":[{"id":"wamid.ACCEPTED","message_status":"accepted"}]}`
)

func testAccount() channel.Account {
	return channel.NewAccount("account-1", "111000111000111",
		[]byte(`{"wabaId":"222000222000222","displayPhone":"+15550100200"}`), []byte(`{"accessToken":"`+accessToken+`"}`))
}

func testEndpoint() channel.Endpoint {
	return channel.NewEndpoint("endpoint-1", []byte(verifyToken), []byte("the-secret-before-rotation"), []byte(appSecret))
}

// sign posts body as Meta does.
func sign(body []byte) channel.Request {
	return channel.Request{Method: http.MethodPost, Body: body,
		Header: http.Header{"X-Hub-Signature-256": {"sha256=" + channel.SignSHA256([]byte(appSecret), body)}}}
}

func newProvider(t *testing.T, baseURL string, timeout time.Duration) channel.Provider {
	t.Helper()
	p, err := meta.New(meta.Config{BaseURL: baseURL, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The suite of all providers; it forges, tampers with and leaves out the signature. (H20)
func TestConformance(t *testing.T) {
	channeltest.Run(t, channeltest.Fixture{
		New:     newProvider,
		Account: testAccount(),
		Secrets: []string{accessToken, appSecret, verifyToken},
		Sends:   sends(),
		Accept:  channeltest.Answer{Status: http.StatusOK, Body: accepted},
		Receipt: channel.Receipt{ExternalID: "wamid.ACCEPTED", Recipient: "+15550100301"},

		Rejections: rejections(),
		Endpoint:   testEndpoint(),
		Sign:       sign,
		Tamper:     tampers(),
	})
}

func sends() map[string]channel.Outbound {
	to := channel.Recipient{Phone: "+15550100301"}
	return map[string]channel.Outbound{
		"text":    {MessageID: "message-1", AttemptID: "attempt-1", To: to, Text: "Your parcel \"7\" is <here> 😀"},
		"reply":   {MessageID: "message-2", AttemptID: "attempt-2", To: to, Text: "Yes", ReplyTo: "wamid.THEIRS"},
		"user_id": {MessageID: "message-3", AttemptID: "attempt-3", To: channel.Recipient{UserID: "US.1349"}, Text: "Hello"},
		"template": {MessageID: "message-4", AttemptID: "attempt-4", To: to, Template: &channel.Template{
			Name: "order_shipped", Language: "en_US", Header: []string{"Order 7"}, Body: []string{"Mia", "tomorrow"}}},
		"template_plain": {MessageID: "message-5", AttemptID: "attempt-5", To: to, Template: &channel.Template{Name: "hello", Language: "de"}},
	}
}

// tampers are the ways in which the header can be wrong beyond being another value.
func tampers() map[string]func(channel.Request) channel.Request {
	header := func(name string, change func(signature string) []string) func(channel.Request) channel.Request {
		return func(r channel.Request) channel.Request {
			values := change(r.Header.Get("X-Hub-Signature-256"))
			r.Header = http.Header{name: values}
			return r
		}
	}
	const name = "X-Hub-Signature-256"
	return map[string]func(channel.Request) channel.Request{
		"no prefix":      header(name, func(s string) []string { return []string{s[len("sha256="):]} }),
		"other prefix":   header(name, func(s string) []string { return []string{"sha1=" + s[len("sha256="):]} }),
		"upper-case hex": header(name, func(string) []string { return []string{"sha256=" + upperHex} }),
		"too short":      header(name, func(s string) []string { return []string{s[:len(s)-2]} }),
		"too long":       header(name, func(s string) []string { return []string{s + "00"} }),
		"twice":          header(name, func(s string) []string { return []string{s, s} }),
		"empty":          header(name, func(string) []string { return []string{""} }),
		"sha-1 header":   header("X-Hub-Signature", func(s string) []string { return []string{s} }),
		"foreign secret": func(r channel.Request) channel.Request {
			r.Header.Set(name, "sha256="+channel.SignSHA256([]byte("another app's secret"), r.Body))
			return r
		},
		"empty secret": func(r channel.Request) channel.Request {
			r.Header.Set(name, "sha256="+channel.SignSHA256(nil, r.Body))
			return r
		},
	}
}

// upperHex has the right length and alphabet, in the wrong case.
const upperHex = "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789"

// While a secret is exchanged, both sign. (H20)
func TestSecretsRotate(t *testing.T) {
	p := newProvider(t, "http://127.0.0.1:1", time.Second)
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	for _, secret := range []string{"the-secret-before-rotation", appSecret} {
		r := sign(body)
		r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(secret), body))
		if _, err := p.Receive(t.Context(), testEndpoint(), r); err != nil {
			t.Errorf("the secret %q is refused: %v", secret, err)
		}
	}
}
