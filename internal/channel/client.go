package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The limits of a guarded client, where ClientConfig does not say otherwise.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultMaxResponse = 25 << 20
	// UserAgent is what every outgoing call names itself; it tells no version and no machine.
	UserAgent = "Switchboard"
)

// ErrRedirect means that an answer wanted to send the guarded client elsewhere and was refused.
var ErrRedirect = errors.New("channel: redirect refused")

// ErrTooLarge means that an answer was longer than the guarded client accepts.
var ErrTooLarge = errors.New("channel: answer too large")

// ClientConfig says what a guarded client may do beyond the defaults. The zero value is the strictest.
type ClientConfig struct {
	// AllowHosts are "host:port" addresses that the operator configured himself (a simulator on 127.0.0.1:8090). They may be
	// private and spoken to without TLS. Nothing that arrives from outside may ever get on this list.
	AllowHosts  []string
	Timeout     time.Duration // the whole call with its body; DefaultTimeout when 0
	MaxResponse int64         // bytes of one answer; DefaultMaxResponse when 0
}

// NewClient returns an HTTP client for calls to vendors and to addresses that others chose. It checks the resolved address at the
// moment of dialling, so that a name cannot change between check and use; it uses no proxy, because the check would then see
// only the proxy; it follows no redirect, keeps no cookie and asks for no compression.
func NewClient(config ClientConfig) *http.Client {
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	if config.MaxResponse == 0 {
		config.MaxResponse = DefaultMaxResponse
	}
	d := guardedDialer{guard: newGuard(), allowed: config.AllowHosts}
	return &http.Client{
		Timeout: config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return ErrRedirect
		},
		Transport: &guardedTransport{
			allowed: config.AllowHosts,
			limit:   config.MaxResponse,
			next: &http.Transport{
				Proxy:                  nil,
				DialContext:            d.DialContext,
				ForceAttemptHTTP2:      true,
				DisableCompression:     true,
				MaxIdleConns:           2048,
				MaxIdleConnsPerHost:    1024, // many lanes send at once to one host; what does not fit is dialled again for every call
				IdleConnTimeout:        90 * time.Second,
				TLSHandshakeTimeout:    5 * time.Second,
				MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}
}

// FollowRedirects returns a CheckRedirect function that follows at most limit redirects. The guarded transport validates each hop
// again, and a credential does not follow to another host, nor back from it.
func FollowRedirects(limit int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		if len(via) > limit {
			return ErrRedirect
		}
		first := origin(via[0].URL)
		hops := append(slices.Clone(via), next)
		for _, hop := range hops {
			if origin(hop.URL) != first {
				next.Header.Del("Authorization")
			}
		}
		next.Header.Del("Referer") // a signed media address is itself a secret
		return nil
	}
}

// origin is what a credential belongs to: scheme, host and port.
func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

// guardedTransport refuses schemes and ports before anything is dialled, names the caller, and caps the answer.
type guardedTransport struct {
	allowed []string
	limit   int64
	next    http.RoundTripper
}

// RoundTrip sends the request when its target is allowed. It returns an error wrapping ErrBlocked otherwise.
func (t *guardedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.permit(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context()) // a RoundTripper must not change its request
	r.Header.Set("User-Agent", UserAgent)
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &cappedBody{ReadCloser: response.Body, left: t.limit}
	return response, nil
}

func (t *guardedTransport) permit(u *url.URL) error {
	if slices.Contains(t.allowed, hostPort(u)) && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	if u.Scheme != "https" {
		return fmt.Errorf("%w: scheme must be https", ErrBlocked)
	}
	if port := u.Port(); port != "" && port != "443" {
		return fmt.Errorf("%w: port must be 443", ErrBlocked)
	}
	if u.User != nil {
		return fmt.Errorf("%w: user information in an address", ErrBlocked)
	}
	return nil
}

// hostPort returns the "host:port" that u dials, in lower case.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// guardedDialer checks the address that a name resolved to, for every name the operator did not configure.
type guardedDialer struct {
	guard   guard
	allowed []string
}

// DialContext connects to addr. It returns an error wrapping ErrBlocked when addr resolves to something not public.
func (d guardedDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if !slices.Contains(d.allowed, strings.ToLower(addr)) {
		dialer.Control = func(_, resolved string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return fmt.Errorf("%w: unreadable address", ErrBlocked)
			}
			return d.guard.check(target.Addr())
		}
	}
	return dialer.DialContext(ctx, network, addr)
}

// newGuard returns the guard with this machine's own addresses, which an attacker may know as public ones.
func newGuard() guard {
	g := guard{ranges: blockedRanges(), own: map[netip.Addr]bool{}}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return g // without the list, the ranges still hold
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			g.own[p.Addr().Unmap().WithZone("")] = true
		}
	}
	return g
}

// cappedBody fails with ErrTooLarge instead of cutting an answer off in silence.
type cappedBody struct {
	io.ReadCloser
	left int64
}

// Read reads at most what is left of the limit, and returns ErrTooLarge when there is more.
func (b *cappedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrTooLarge
	}
	b.left -= int64(n)
	return n, err
}
