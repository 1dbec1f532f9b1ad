package meta

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

func signed(t testing.TB, body []byte) (channel.Endpoint, channel.Request) {
	t.Helper()
	secret := []byte("an app secret")
	return channel.NewEndpoint("e", nil, secret), channel.Request{Method: http.MethodPost, Body: body,
		Header: http.Header{"X-Hub-Signature-256": {"sha256=" + channel.SignSHA256(secret, body)}}}
}

func provider(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A parser that panics over one message must cost that message only.
func TestPanicIsOneQuarantinedItem(t *testing.T) {
	p := provider(t)
	p.readMessage = func(s scope, raw channel.JSON) (channel.Inbound, *contact, error) {
		if strings.Contains(string(raw), "poison") {
			panic("a defect")
		}
		return readMessage(s, raw)
	}
	text := func(id string) string {
		return `{"from":"15550100301","id":"` + id + `","timestamp":"1767225600","type":"text","text":{"body":"x"}}`
	}
	endpoint, request := signed(t, []byte(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[`+
		text("one")+","+text("poison")+","+text("three")+`]}}]}]}`))
	items, err := p.Receive(t.Context(), endpoint, request)
	if err != nil || len(items) != 3 {
		t.Fatalf("Receive = %d items, %v; want 3", len(items), err)
	}
	if items[0].Key != "one" || items[2].Key != "three" || items[0].Event == nil || items[2].Event == nil {
		t.Errorf("the good messages suffered: %+v", items)
	}
	if items[1].Reason == "" || !strings.Contains(string(items[1].Raw), "poison") {
		t.Errorf("the poisonous message is %+v, want it quarantined with its bytes", items[1])
	}
}

// Metadata that does not say clearly whose a change is must not leave it to the address that the webhook came to. (H27)
func TestUnclearMetadataQuarantinesItsChange(t *testing.T) {
	p := provider(t)
	change := func(metadata, id string) string {
		return `{"field":"messages","value":{"metadata":` + metadata + `,"messages":[{"from":"15550100301","id":"` + id +
			`","timestamp":"1767225600","type":"text","text":{"body":"x"}}]}}`
	}
	for metadata, reason := range map[string]string{
		`{"phone_number_id":"1","phone_number_id":"2"}`: `change.value.metadata: the name "phone_number_id" comes twice`,
		`{"phone_number_id":"1","Phone_Number_ID":"2"}`: `change.value.metadata: the name "Phone_Number_ID" comes twice`,
		`{"phone_number_id":{"id":"1"}}`:                `change.value.metadata.phone_number_id has the wrong type`,
		`["1"]`:                                         `change.value.metadata: not a JSON object`,
	} {
		endpoint, request := signed(t, []byte(`{"object":"whatsapp_business_account","entry":[{"changes":[`+
			change(metadata, "unclear")+","+change(`{"phone_number_id":"1"}`, "clear")+`]}]}`))
		items, err := p.Receive(t.Context(), endpoint, request)
		if err != nil || len(items) != 2 || items[1].Key != "clear" || items[1].Event == nil || items[1].AccountRef != "1" {
			t.Fatalf("metadata %s: %+v, %v; want the clear message applied", metadata, items, err)
		}
		if items[0].Reason != reason || items[0].Event != nil || string(items[0].Raw) != change(metadata, "unclear") {
			t.Errorf("metadata %s: %+v, want it quarantined: %s", metadata, items[0], reason)
		}
		if again := p.Reread(items[0].Raw); len(again) != 1 || again[0].Reason != reason {
			t.Errorf("metadata %s is read again as %+v", metadata, again)
		}
	}
}

// What is kept of a message are its bytes as Meta sent them, so that a signature dispute or a later parser can use them.
func TestRawKeepsBytes(t *testing.T) {
	message := `{ "from":"15550100301", "id":"wamid.1","timestamp":"1767225600","type":"text","text":{"body":"\u00e4\/\u0000 "} }`
	contact := `{"wa_id":"15550100301" ,"profile":{"name":"M\u00eda"}}`
	endpoint, request := signed(t, []byte(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"contacts":[`+
		contact+`],"metadata":{"phone_number_id" : "1"},"messages":[`+message+`]}}]}]}`))
	items, err := provider(t).Receive(t.Context(), endpoint, request)
	if err != nil || len(items) != 1 {
		t.Fatalf("Receive = %d items, %v; want 1", len(items), err)
	}
	if want := `{"metadata":{"phone_number_id" : "1"},"contact":` + contact + `,"message":` + message + `}`; string(items[0].Raw) != want {
		t.Errorf("raw = %s\nwant  %s", items[0].Raw, want)
	}
}

// A signed body that cannot be read, or in two ways, makes no items. (H27)
func TestMalformedBodies(t *testing.T) {
	crowd := `{"changes":[{"field":"messages","value":{"errors":[` + strings.Repeat("7,", 5_000) + `7]}}]}`
	for _, body := range []string{``, `7`, `[]`, `null`, `{`, `{"object":"whatsapp_business_account"} x`, `{"object":"a","object":"b"}`,
		`{"object":"whatsapp_business_account","entry":{}}`, `{"object":"whatsapp_business_account","Entry":[],"entry":[]}`,
		`{"object":"whatsapp_business_account","entry":[` + strings.Repeat("7,", 10_000) + `7]}`,
		`{"object":"whatsapp_business_account","entry":[` + crowd + `,` + crowd + `]}`, strings.Repeat("[", 1<<20)} {
		endpoint, request := signed(t, []byte(body))
		items, err := provider(t).Receive(t.Context(), endpoint, request)
		if !errors.Is(err, channel.ErrMalformed) || items != nil {
			t.Errorf("%.60s: %d items, %v; want ErrMalformed", body, len(items), err)
		}
	}
}

// Only digits are echoed, and only to who knows the token. (H25)
func TestChallenge(t *testing.T) {
	endpoint := channel.NewEndpoint("e", []byte("token"))
	ask := func(method string, pairs ...string) ([]byte, error) {
		query := url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {"token"}, "hub.challenge": {"1158201444"}}
		for i := 0; i+1 < len(pairs); i += 2 {
			query.Set(pairs[i], pairs[i+1])
		}
		return provider(t).Challenge(t.Context(), endpoint, channel.Request{Method: method, Query: query})
	}
	if got, err := ask(http.MethodGet); err != nil || string(got) != "1158201444" {
		t.Errorf("Challenge = %q, %v", got, err)
	}
	for name, pairs := range map[string][]string{
		"wrong token": {"hub.verify_token", "guess"}, "no token": {"hub.verify_token", ""}, "wrong mode": {"hub.mode", "unsubscribe"},
		"markup": {"hub.challenge", "<script>"}, "too long": {"hub.challenge", strings.Repeat("1", 21)}, "no challenge": {"hub.challenge", ""},
		"line end": {"hub.challenge", "1\n"}, "other digits": {"hub.challenge", "١٢"},
	} {
		if got, err := ask(http.MethodGet, pairs...); !errors.Is(err, channel.ErrSignature) || got != nil {
			t.Errorf("%s: Challenge = %q, %v; want ErrSignature", name, got, err)
		}
	}
	if _, err := ask(http.MethodPost); !errors.Is(err, channel.ErrSignature) {
		t.Errorf("a POST is answered: %v", err)
	}
}

// TestRecordedCorpus reads a folder of recorded webhooks, where one is at hand: each must be understood whole.
func TestRecordedCorpus(t *testing.T) {
	root := os.Getenv("SWITCHBOARD_CONTRACTS")
	if root == "" {
		t.Skip("SWITCHBOARD_CONTRACTS names no folder of recorded webhooks")
	}
	read := 0
	for _, folder := range []string{"inbound", "status", "account"} {
		paths, err := filepath.Glob(filepath.Join(root, "fixtures", "whatsapp", folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			endpoint, request := signed(t, body)
			items, err := provider(t).Receive(t.Context(), endpoint, request)
			if err != nil || len(items) == 0 {
				t.Errorf("%s: %d items, %v", path, len(items), err)
			}
			for _, item := range items {
				if item.Reason != "" {
					t.Errorf("%s is quarantined: %s", path, item.Reason)
				}
			}
			read++
		}
	}
	if read == 0 {
		t.Errorf("there is no recorded webhook in %s", root)
	}
}

// FuzzReceive looks for a signed body that panics, that loses an item's bytes or makes far more of them, or whose text no database would take. (H26, H27)
func FuzzReceive(f *testing.F) {
	paths, err := filepath.Glob("testdata/webhooks/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		if body, err := os.ReadFile(path); err == nil && !strings.HasSuffix(path, ".golden.json") {
			f.Add(body)
		}
	}
	p := provider(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		endpoint, request := signed(t, slices.Clone(body))
		var items []channel.Item
		var err error
		leaktest.Bounded(t, func() { items, err = p.Receive(t.Context(), endpoint, request) })
		if err != nil && !errors.Is(err, channel.ErrMalformed) {
			t.Fatalf("a signed body gives %v", err)
		}
		if held(items) > roomFactor*len(body)+roomItem*len(items) {
			t.Fatalf("%d items of %d bytes hold %d", len(items), len(body), held(items))
		}
		for _, item := range items {
			if len(item.Raw) == 0 || item.Key == "" || (item.Event == nil) == (item.Reason == "") {
				t.Fatalf("incomplete item %+v", item)
			}
			shown, err := json.Marshal(item.Event)
			if err != nil || !utf8.Valid(shown) || strings.Contains(string(shown), `\u0000`) && !strings.Contains(string(shown), `\\u0000`) {
				t.Fatalf("event %s, %v", shown, err)
			}
		}
	})
}

// FuzzSignature looks for a header that verifies although nobody signed. (H20)
func FuzzSignature(f *testing.F) {
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	endpoint, request := signed(f, body)
	genuine := request.Header.Get(signatureHeader)
	for _, seed := range []string{genuine, "", "sha256=", "sha256=" + strings.Repeat("0", 64), strings.ToUpper(genuine), genuine[7:]} {
		f.Add(seed)
	}
	p := provider(f)
	f.Fuzz(func(t *testing.T, header string) {
		_, err := p.Receive(t.Context(), endpoint, channel.Request{Body: body, Header: http.Header{signatureHeader: {header}}})
		if header != genuine && !errors.Is(err, channel.ErrSignature) {
			t.Fatalf("the header %q verifies: %v", header, err)
		}
	})
}
