package meta_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
)

// mediaVendor answers the question for a file's address with where, and serves files under /files/.
func mediaVendor(t *testing.T, where func(base string) (int, string)) *meta.Provider {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+accessToken {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		switch {
		case r.URL.Path == "/v23.0/media-1" && r.URL.Query().Get("phone_number_id") == "111000111000111":
			status, body := where(server.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		case r.URL.Path == "/files/1":
			_, _ = io.WriteString(w, "the picture")
		case r.URL.Path == "/files/moved":
			http.Redirect(w, r, "/files/1", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	p, err := meta.New(meta.Config{BaseURL: server.URL, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(path string) func(string) (int, string) {
	return func(base string) (int, string) {
		answer, _ := json.Marshal(map[string]string{"messaging_product": "whatsapp", "id": "media-1", "url": base + path})
		return http.StatusOK, string(answer)
	}
}

// A file is fetched from Meta's hosts, over a redirect among them too. (H31)
func TestFetchMedia(t *testing.T) {
	for _, path := range []string{"/files/1", "/files/moved"} {
		file, err := mediaVendor(t, at(path)).FetchMedia(t.Context(), testAccount(), channel.Media{ID: "media-1"})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		got, err := io.ReadAll(file)
		_ = file.Close()
		if err != nil || string(got) != "the picture" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// An address of another host, in whatever disguise, is never asked with the token. (H31)
func TestFetchMediaFailures(t *testing.T) {
	foreign := func(url string) func(string) (int, string) {
		return func(string) (int, string) { return http.StatusOK, `{"url":"` + url + `"}` }
	}
	graph := func(status int, body string) func(string) (int, string) {
		return func(string) (int, string) { return status, body }
	}
	for name, c := range map[string]struct {
		where func(string) (int, string)
		want  channel.Class
	}{
		"a foreign host":         {foreign("https://files.example.com/1"), channel.Permanent},
		"a host that looks like": {foreign("https://lookaside.fbsbx.com.example.com/1"), channel.Permanent},
		"user information":       {foreign("https://graph.facebook.com@example.com/1"), channel.Permanent},
		"no TLS":                 {foreign("http://lookaside.fbsbx.com/1"), channel.Permanent},
		"another port":           {foreign("https://graph.facebook.com:8443/1"), channel.Permanent},
		"inside":                 {foreign("http://169.254.169.254/1"), channel.Permanent},
		"no address":             {graph(200, `{}`), channel.Permanent},
		"garbage":                {graph(200, `<html>`), channel.Transient},
		"file gone":              {at("/files/none"), channel.Permanent},
		"id unknown":             {graph(400, `{"error":{"code":100,"error_subcode":33,"message":"Object does not exist"}}`), channel.Permanent},
		"token expired":          {graph(401, `{"error":{"code":190,"message":"expired"}}`), channel.Auth},
		"limited":                {graph(400, `{"error":{"code":80007,"message":"limit"}}`), channel.RateLimited},
		"vendor down":            {graph(503, `down`), channel.Transient},
	} {
		file, err := mediaVendor(t, c.where).FetchMedia(t.Context(), testAccount(), channel.Media{ID: "media-1"})
		var e *channel.SendError
		if file != nil || !errors.As(err, &e) || e.Class != c.want || e.OutcomeUnknown {
			t.Errorf("%s: %v; want a %s with a known outcome", name, err, c.want)
		} else if strings.Contains(err.Error(), accessToken) || strings.Contains(e.Reason, "://") {
			t.Errorf("%s: the failure shows too much: %v", name, err)
		}
	}
}

// An id from a webhook must not lead to another place of the API. (H31)
func TestFetchMediaRefusesIdsThatArePaths(t *testing.T) {
	p := mediaVendor(t, at("/files/1"))
	for _, id := range []string{"", "../me", "1?fields=id", "1/2", "é", strings.Repeat("1", 201)} {
		var e *channel.SendError
		if _, err := p.FetchMedia(t.Context(), testAccount(), channel.Media{ID: id}); !errors.As(err, &e) || e.Class != channel.Permanent {
			t.Errorf("%q: %v, want a permanent failure", id, err)
		}
	}
}

func TestCheck(t *testing.T) {
	p := newProvider(t, "", time.Second).(channel.Checker)
	for name, c := range map[string]struct{ ref, settings, credentials, want string }{
		"no token":         {"1", ``, `{}`, "credentials.accessToken"},
		"token with space": {"1", ``, `{"accessToken":"a b"}`, "credentials.accessToken"},
		"no number":        {"", ``, `{"accessToken":"t"}`, "externalRef"},
		"number is a path": {"1/../2", ``, `{"accessToken":"t"}`, "externalRef"},
		"rate":             {"1", `{"messagesPerSecond":5000}`, `{"accessToken":"t"}`, "messagesPerSecond"},
		"unknown setting":  {"1", `{"rate":5}`, `{"accessToken":"t"}`, "settings"},
		"unknown secret":   {"1", ``, `{"token":"t"}`, "credentials"},
	} {
		err := p.Check(channel.NewAccount("a", c.ref, []byte(c.settings), []byte(c.credentials)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: err = %v, want one that names %s", name, err, c.want)
		}
	}
	full := `{"accessToken":"t","appSecret":"s","verifyToken":"v"}`
	if err := p.Check(channel.NewAccount("a", "1", []byte(`{"wabaId":"2","displayPhone":"+1555","messagesPerSecond":20}`), []byte(full))); err != nil {
		t.Errorf("a complete account: %v", err)
	}
}

func TestRate(t *testing.T) {
	p := newProvider(t, "", time.Second).(channel.Limiter)
	for settings, want := range map[string]channel.Rate{
		"": {PerSecond: 80, Burst: 10}, `{"messagesPerSecond":1000}`: {PerSecond: 1000, Burst: 125}, `{"messagesPerSecond":0.5}`: {PerSecond: 0.5, Burst: 1},
		`{"messagesPerSecond":-1}`: {PerSecond: 80, Burst: 10}, `broken`: {PerSecond: 80, Burst: 10},
	} {
		if got := p.Rate(channel.NewAccount("a", "1", []byte(settings), nil)); got != want {
			t.Errorf("Rate(%s) = %+v, want %+v", settings, got, want)
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	for _, c := range []meta.Config{{BaseURL: "graph.facebook.com"}, {BaseURL: "ftp://x"}, {BaseURL: "https://u:p@x"}, {BaseURL: "https://x/?a=b"},
		{Version: "23"}, {Version: "v23.0/../x"}} {
		if _, err := meta.New(c); err == nil {
			t.Errorf("New(%+v) is taken", c)
		}
	}
}

// What can be seen without asking the vendor never costs a call.
func TestSendRefusesBeforeCalling(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the vendor was called") }))
	t.Cleanup(server.Close)
	p := newProvider(t, server.URL, time.Second)
	to, text := channel.Recipient{Phone: "+15550100301"}, "x"
	for name, c := range map[string]struct {
		account channel.Account
		message channel.Outbound
		want    channel.Class
	}{
		"no recipient":    {testAccount(), channel.Outbound{Text: text}, channel.InvalidRecipient},
		"no content":      {testAccount(), channel.Outbound{To: to, Text: " \n"}, channel.Permanent},
		"two contents":    {testAccount(), channel.Outbound{To: to, Text: text, Template: &channel.Template{Name: "t"}}, channel.Permanent},
		"too long":        {testAccount(), channel.Outbound{To: to, Text: strings.Repeat("ä", 4097)}, channel.Permanent},
		"no token":        {channel.NewAccount("a", "1", nil, nil), channel.Outbound{To: to, Text: text}, channel.Auth},
		"token in pieces": {channel.NewAccount("a", "1", nil, []byte(`{"accessToken":"a\nb"}`)), channel.Outbound{To: to, Text: text}, channel.Auth},
		"no number":       {channel.NewAccount("a", "../1", nil, []byte(`{"accessToken":"t"}`)), channel.Outbound{To: to, Text: text}, channel.Auth},
	} {
		_, err := p.Send(t.Context(), c.account, c.message)
		var e *channel.SendError
		if !errors.As(err, &e) || e.Class != c.want || e.OutcomeUnknown {
			t.Errorf("%s: %v, want a %s with a known outcome", name, err, c.want)
		}
	}
}
