package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origins is the list of web origins that may use the API from a browser: the server's own, and those the operator named.
type Origins struct{ allowed map[string]bool }

// ParseOrigins reads origins such as https://desk.example.com, separated by commas. It returns an error that names the part which is
// none.
func ParseOrigins(list string) (*Origins, error) {
	o := &Origins{allowed: map[string]bool{}}
	for _, part := range strings.Split(list, ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		if part == "" {
			continue
		}
		u, err := url.Parse(part)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Scheme+"://"+u.Host != part {
			return nil, fmt.Errorf("%q is not an origin such as https://desk.example.com", part)
		}
		o.allowed[part] = true
	}
	return o, nil
}

// Allows reports whether the request may come from where it comes from. A request without an Origin is no browser's: it has no cookie
// or other credential that it did not set itself, so there is nothing to protect it from.
func (o *Origins) Allows(r *http.Request) bool {
	origin := strings.ToLower(r.Header.Get("Origin"))
	if origin == "" || o.allowed[origin] {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// protect refuses changes that a browser sends from another site (CSRF), and answers the preflight of the allowed ones.
func (o *Origins) protect(next http.Handler, refuse http.Handler) (http.Handler, error) {
	guard := http.NewCrossOriginProtection()
	for origin := range o.allowed {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	guard.SetDenyHandler(refuse)
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); o.allowed[strings.ToLower(origin)] {
			header := w.Header()
			header.Set("Access-Control-Allow-Origin", origin)
			header.Add("Vary", "Origin")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				header.Set("Access-Control-Allow-Methods", "GET, POST")
				header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key, X-Request-Id")
				header.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		guarded.ServeHTTP(w, r)
	}), nil
}
