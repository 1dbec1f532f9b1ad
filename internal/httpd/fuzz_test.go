package httpd

import (
	"bytes"
	"encoding/base64"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// FuzzFileToken looks for an address of a file that panics, or that is believed although we did not sign it.
func FuzzFileToken(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	signer, err := NewFileSigner("", "f1:"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)), func() time.Time { return now })
	if err != nil {
		f.Fatal(err)
	}
	id := uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000001"))
	genuine := map[string]bool{}
	for _, download := range []bool{true, false} {
		token := strings.TrimPrefix(signer.SignedURL(inbox.TenantOf(id), id, download), "/files/")
		genuine[token] = true
		f.Add(token)
		f.Add(token + "=")
		f.Add(strings.ToLower(token))
	}
	f.Fuzz(func(t *testing.T, token string) {
		if g, ok := signer.check(token); ok != genuine[token] {
			t.Fatalf("%q: %v, %v", token, g, ok)
		}
	})
}

// FuzzFileName looks for a sender's file name that breaks out of its header or names a path.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"a.png", "../../etc/passwd", `c:\x\y.exe`, "a\r\nSet-Cookie: x", `";filename=evil.html`, "\u202Egnp.exe", "..", "", "%00.png", "名前.pdf", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name := fileName(inbox.Attachment{ID: uuid.Nil, Filename: given, MIMEType: "image/png"})
		if name == "" || strings.ContainsAny(name, "/\\\r\n\x00") || name == ".." {
			t.Fatalf("%q is saved as %q", given, name)
		}
		header := disposition("attachment", name)
		kind, params, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" || params["filename"] != name {
			t.Fatalf("%q gives the header %q, which reads %q, %v", given, header, params["filename"], err)
		}
	})
}

// FuzzOrigins looks for a list of origins that panics, or that lets in an origin which does not stand there. (H5)
func FuzzOrigins(f *testing.F) {
	for _, seed := range []string{"https://desk.example.com", "https://a.example,http://b.example:8080", "*", "null", "https://a/", "https://user@a", "https://[::1]:80", "HTTPS://A"} {
		f.Add(seed, "https://evil.example")
	}
	f.Fuzz(func(t *testing.T, list, origin string) {
		origins, err := ParseOrigins(list)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "https://own.example/graphql", nil)
		r.Header.Set("Origin", origin)
		u, err := url.Parse(strings.ToLower(origin))
		own := origin == "" || err == nil && strings.EqualFold(u.Host, "own.example")
		if origins.Allows(r) && !own && !strings.Contains(strings.ToLower(list), strings.ToLower(origin)) {
			t.Fatalf("%q lets in %q", list, origin)
		}
	})
}

// FuzzProxies looks for a list of proxies or a forwarded header that panics, or that makes an address of what is none.
func FuzzProxies(f *testing.F) {
	f.Add("10.0.0.0/8, ::1", "1.2.3.4, 10.0.0.1", "desk.example")
	f.Add("192.0.2.1", "unknown, , 192.0.2.1", "a, b")
	f.Add("0.0.0.0/0", "::ffff:1.2.3.4%eth0", `x\y`)
	f.Fuzz(func(t *testing.T, list, forwarded, host string) {
		trusted, err := ParseProxies(list)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Host"] = []string{forwarded}, []string{host}
		behindProxies(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
				t.Fatalf("%q makes the caller %q", forwarded, r.RemoteAddr)
			}
			if strings.ContainsAny(r.Host, ", /\\@") || r.Header.Get("X-Forwarded-For") != "" {
				t.Fatalf("%q makes the host %q", host, r.Host)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}

// FuzzSubdomain looks for a host that panics, or that names a tenant without being exactly one label below the base domain.
func FuzzSubdomain(f *testing.F) {
	for _, seed := range []string{"acme.inbox.example", "ACME.Inbox.Example:443", "acme.inbox.example.evil.example", "a.b.inbox.example", "acmeXinbox.example", ".inbox.example", "acme.inbox.example\n", "[::1]:80"} {
		f.Add("inbox.example", seed)
	}
	f.Add("", "acme.inbox.example")
	f.Add("a.b)(", "x.a.b)(")
	f.Fuzz(func(t *testing.T, base, host string) {
		if !utf8.ValidString(base) {
			return // it comes from the configuration, which is text
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		underSubdomain(base, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			slug := auth.TenantSlug(r.Context())
			if slug == "" {
				return
			}
			named := strings.ToLower(slug + "." + base)
			if base == "" || strings.ContainsAny(slug, ".:/ ") || !strings.HasPrefix(strings.Trim(strings.ToLower(host), "["), named) {
				t.Fatalf("below %q the host %q names %q", base, host, slug)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}
