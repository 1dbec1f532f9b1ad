package httpd

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ParseProxies reads networks in CIDR form or single addresses, separated by commas. It returns an error that names the part which is
// neither.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, part := range strings.Split(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			address, err := netip.ParseAddr(part)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// behindProxies makes RemoteAddr, Host and the scheme those of the client when the connection comes from a trusted proxy; from anybody
// else the X-Forwarded headers are only text, and they are removed so that nobody further in believes them.
func behindProxies(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if trusts(trusted, peer(r.RemoteAddr)) {
			forward(trusted, r)
		}
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip"} {
			r.Header.Del(name)
		}
		next.ServeHTTP(w, r)
	})
}

func forward(trusted []netip.Prefix, r *http.Request) {
	// Each proxy appends the address it saw: the last one that is no proxy of ours is the client, everything before it is his claim.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		address, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		r.RemoteAddr = net.JoinHostPort(address.Unmap().String(), "0")
		if !trusts(trusted, address) {
			break
		}
	}
	if host := single(r, "X-Forwarded-Host"); host != "" {
		r.Host = host
	}
	if single(r, "X-Forwarded-Proto") == "https" {
		r.URL.Scheme = "https"
	}
}

// single returns the header's value when it stands there once and is one word.
func single(r *http.Request, name string) string {
	values := r.Header.Values(name)
	if len(values) != 1 || strings.ContainsAny(values[0], ", /\\@") {
		return ""
	}
	return values[0]
}

func peer(remote string) netip.Addr {
	address, _ := netip.ParseAddrPort(remote)
	return address.Addr()
}

func trusts(trusted []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap()
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
