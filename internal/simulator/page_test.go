package simulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPageIsServed(t *testing.T) {
	v := newBusiness(t).start()
	for path, want := range map[string]string{"/": "Customer phone", "/app.js": "import ", "/panel.js": "import ", "/style.css": ":root"} {
		response, err := http.Get(v.base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: status %d, %v", path, response.StatusCode, err)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("GET %s: policy %q", path, policy)
		}
	}
}

// A page of another site that is open in the same browser must not play the customer. (H4)
func TestOtherSitesAreRefused(t *testing.T) {
	v := newBusiness(t).start()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.base+"/api/faults", strings.NewReader(`{"kind":"auth"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://example.com")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", response.StatusCode)
	}
}
