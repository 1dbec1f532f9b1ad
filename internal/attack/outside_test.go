package attack

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestOperatorsPagesAreInside asks the public address for what belongs to operators: it shows the app there, and the admin address answers
// on loopback only. (H3)
func TestOperatorsPagesAreInside(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/healthz", "/readyz", "/debug/vars", "//metrics", "/files/../metrics"} {
		status, text := s.get(s.api.url + path)
		inside, _ := s.get(s.api.admin + "/metrics")
		if strings.Contains(text, "switchboard_") || strings.Contains(text, "goroutine") || strings.Contains(text, `"ready"`) || text == "ok\n" || inside != http.StatusOK {
			t.Errorf("%s is answered %d %.100s", path, status, text)
		}
	}
	if !strings.HasPrefix(s.api.admin, "http://127.0.0.1:") {
		t.Errorf("the admin address is %s", s.api.admin)
	}
}

// TestCredentialsInAddressesAreNobodys sends good credentials where none belongs, in the address, a cookie and the body: they count as none,
// so that no link, log or foreign page ever carries one that works. (H4, H6)
func TestCredentialsInAddressesAreNobodys(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	const query = `{"query":"{ conversations { cursor } }"}`
	for _, name := range []string{"access_token", "token", "authorization", "Authorization", "apiKey", "api_key", "X-API-Key"} {
		for _, value := range []string{n.bearer, n.key, "Bearer " + n.bearer} {
			for place, r := range map[string]*http.Request{
				"address": newPost(t, s.api.url+"/graphql?"+url.Values{name: {value}}.Encode(), query),
				"cookie":  newPost(t, s.api.url+"/graphql", query),
				"body":    newPost(t, s.api.url+"/graphql", strings.TrimSuffix(query, "}")+`,"`+name+`":"`+value+`"}`),
			} {
				if place == "cookie" {
					r.Header.Set("Cookie", name+"="+url.QueryEscape(value))
				}
				if status, text := send(t, r); !strings.Contains(text, `"UNAUTHENTICATED"`) {
					t.Errorf("%s in the %s: %d %.200s", name, place, status, text)
				}
			}
		}
	}
	if _, answer := n.open("shop-a", "http://shop-a", `{}`); !strings.Contains(answer, "4403") {
		t.Errorf("a socket without a credential: %s", answer)
	}
}

func newPost(t *testing.T, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}
