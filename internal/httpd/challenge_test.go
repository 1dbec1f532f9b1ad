package httpd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// H25: the question whether an address is ours.
func TestChallenge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	own := d.place("3001")
	get := func(path, mode, token, challenge string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		q := r.URL.Query()
		q.Set("hub.mode", mode)
		q.Set("hub.verify_token", token)
		q.Set("hub.challenge", challenge)
		r.URL.RawQuery = q.Encode()
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	for path, token := range map[string]string{"/webhooks/meta": "shared token", "/webhooks/meta/" + own.endpoint: "own token"} {
		w := get(path, "subscribe", token, "1158201444")
		if w.Code != http.StatusOK || w.Body.String() != "1158201444" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		unknown := get("/webhooks/meta/none", "subscribe", token, "1158201444")
		for name, w := range map[string]*httptest.ResponseRecorder{
			"wrong token": get(path, "subscribe", "guess", "1158201444"), "no token": get(path, "subscribe", "", "1158201444"),
			"wrong mode": get(path, "unsubscribe", token, "1158201444"), "markup": get(path, "subscribe", token, "<script>"),
		} {
			if w.Code != http.StatusNotFound || w.Body.String() != unknown.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(unknown.Header()) {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	}
}
