package channel_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// serve starts a server and returns its address and its host:port.
func serve(t *testing.T, handler http.HandlerFunc) (address, host string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL, strings.TrimPrefix(server.URL, "http://")
}

func get(t *testing.T, client *http.Client, address string, header ...string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// However an address inside is written, only the configured one is reached. (H30)
func TestClientReachesOnlyConfiguredPrivateHosts(t *testing.T) {
	address, host := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.UserAgent()) })
	_, other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a host that is not on the list was reached") })
	client := channel.NewClient(channel.ClientConfig{AllowHosts: []string{host}})
	if got, err := get(t, client, address, "User-Agent", "somebody else"); err != nil || got != channel.UserAgent {
		t.Errorf("the configured host answers %q, %v; want the constant user agent", got, err)
	}
	for _, refused := range []string{
		"http://" + other,    // another port of the same address
		"https://" + other,   // the same with TLS: port is not 443
		"https://127.0.0.1/", // refused at the dial
		"https://localhost/", // refused after resolving
		"https://[::1]/", "https://[::ffff:127.0.0.1]/",
		"https://0x7f000001/", "https://2130706433/", // other spellings, should the resolver take them
		"http://example.com/",            // no TLS
		"https://example.com:8443/",      // another port
		"https://user:word@example.com/", // user information
		"ftp://example.com/", "file:///etc/hosts",
	} {
		if got, err := get(t, client, refused); err == nil {
			t.Errorf("%s answers %q", refused, got)
		}
	}
	if _, err := get(t, client, "https://127.0.0.1/"); !errors.Is(err, channel.ErrBlocked) {
		t.Errorf("err = %v, want ErrBlocked", err)
	}
}

// With a proxy the guard would see the proxy's address only. (H30)
func TestClientIgnoresProxies(t *testing.T) {
	proxy, _ := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was used") })
	t.Setenv("HTTPS_PROXY", proxy)
	t.Setenv("HTTP_PROXY", proxy)
	if _, err := get(t, channel.NewClient(channel.ClientConfig{}), "https://192.0.2.1/"); !errors.Is(err, channel.ErrBlocked) {
		t.Errorf("err = %v, want ErrBlocked from the dial", err)
	}
}

// A redirect is where a guarded address would become another one. (H30)
func TestClientRefusesRedirects(t *testing.T) {
	address, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/target" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/target", http.StatusFound)
	})
	client := channel.NewClient(channel.ClientConfig{AllowHosts: []string{host}})
	if _, err := get(t, client, address); !errors.Is(err, channel.ErrRedirect) {
		t.Errorf("err = %v, want ErrRedirect", err)
	}
}

// Redirects that are wanted are few, guarded as the first address was, and take no credential to another host. (H30)
func TestFollowRedirects(t *testing.T) {
	seen, loops := map[string]string{}, 0
	note := func(_ http.ResponseWriter, r *http.Request) { seen[r.URL.Path] = r.Header.Get("Authorization") }
	var home string
	away, awayHost := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(w, r)
		if r.URL.Path == "/there-and-back" {
			http.Redirect(w, r, home+"/back", http.StatusFound)
		}
	})
	home, homeHost := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(w, r)
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/same-end", http.StatusFound)
		case "/other":
			http.Redirect(w, r, away+"/other-end", http.StatusFound)
		case "/round":
			http.Redirect(w, r, away+"/there-and-back", http.StatusFound)
		case "/loop":
			loops++
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusFound)
		}
	})
	client := channel.NewClient(channel.ClientConfig{AllowHosts: []string{homeHost, awayHost}})
	client.CheckRedirect = channel.FollowRedirects(3)
	for _, path := range []string{"/same", "/other", "/round"} {
		if _, err := get(t, client, home+path, "Authorization", "Bearer t"); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, want := range map[string]string{"/same-end": "Bearer t", "/other-end": "", "/there-and-back": "", "/back": ""} {
		if got, reached := seen[path]; !reached || got != want {
			t.Errorf("%s: reached %t with authorization %q, want %q", path, reached, got, want)
		}
	}
	if _, err := get(t, client, home+"/loop"); !errors.Is(err, channel.ErrRedirect) || loops != 4 {
		t.Errorf("a loop ends with %v after %d calls, want ErrRedirect after 1 and 3 redirects", err, loops)
	}
	if _, err := get(t, client, home+"/inside"); !errors.Is(err, channel.ErrBlocked) {
		t.Errorf("a redirect inside ends with %v, want ErrBlocked", err)
	}
}

// An answer is cut at its limit and at its time, and leaves no cookie. (H30)
func TestClientLimits(t *testing.T) {
	release := make(chan struct{})
	address, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
		case "/large":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1001))
		case "/cookie":
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			_, _ = io.WriteString(w, r.Header.Get("Cookie")+r.Header.Get("Accept-Encoding"))
		case "/slow":
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	client := channel.NewClient(channel.ClientConfig{AllowHosts: []string{host}, MaxResponse: 1000, Timeout: 300 * time.Millisecond})
	if got, err := get(t, client, address+"/exact"); err != nil || len(got) != 1000 {
		t.Errorf("an answer of the limit's size: %d bytes, %v", len(got), err)
	}
	if got, err := get(t, client, address+"/large"); !errors.Is(err, channel.ErrTooLarge) || len(got) != 1000 {
		t.Errorf("a larger answer: %d bytes, %v; want 1000 and ErrTooLarge", len(got), err)
	}
	for range 2 {
		if got, err := get(t, client, address+"/cookie"); err != nil || got != "" {
			t.Errorf("the second call sent %q, %v; want no cookie and no compression", got, err)
		}
	}
	var timeout interface{ Timeout() bool }
	if _, err := get(t, client, address+"/slow"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("err = %v, want a timeout", err)
	}
}
