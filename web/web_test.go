package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func app() http.Handler {
	return newHandler(fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html>" + strings.Repeat("<p>the app</p>", 50))},
		"theme.js":             {Data: []byte("1")},
		".gitkeep":             {Data: []byte("")},
		"assets/index-a1.js":   {Data: []byte(strings.Repeat("console.log(1);", 100))},
		"assets/inter-b.woff2": {Data: []byte("font")},
	})
}

func get(t *testing.T, handler http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPathsAndCaching(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		status             int
		cache, kind, holds string
	}{
		"/":                     {200, "no-cache", "text/html; charset=utf-8", "the app"},
		"/index.html":           {200, "no-cache", "text/html; charset=utf-8", "the app"},
		"/c/0198-a":             {200, "no-cache", "text/html; charset=utf-8", "the app"},
		"/../../etc/passwd":     {200, "no-cache", "text/html; charset=utf-8", "the app"},
		"/.gitkeep":             {200, "no-cache", "text/html; charset=utf-8", "the app"},
		"/theme.js":             {200, "no-cache", "text/javascript; charset=utf-8", "1"},
		"/assets/index-a1.js":   {200, "public, max-age=31536000, immutable", "text/javascript; charset=utf-8", "console"},
		"/assets/index-gone.js": {404, "no-store", "text/plain; charset=utf-8", "not found"},
	} {
		response := get(t, app(), path)
		if response.StatusCode != want.status || response.Header.Get("Cache-Control") != want.cache ||
			response.Header.Get("Content-Type") != want.kind {
			t.Errorf("%s: %d %q %q, want %v", path, response.StatusCode, response.Header.Get("Cache-Control"),
				response.Header.Get("Content-Type"), want)
		}
		if text := body(t, response); !strings.Contains(text, want.holds) {
			t.Errorf("%s: body %.40q, want %q in it", path, text, want.holds)
		}
	}
}

// Each file of the app says the policy, also one that is not there. (H40, H42)
func TestPolicyOnEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/assets/index-a1.js", "/assets/index-gone.js"} {
		header := get(t, app(), path).Header
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
			"require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy lacks %q", path, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy allows unsafe things: %s", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: nosniff or no-referrer is missing: %v", path, header)
		}
	}
}

func TestCompressionAndRevalidation(t *testing.T) {
	t.Parallel()
	response := get(t, app(), "/assets/index-a1.js", "Accept-Encoding", "gzip")
	if response.Header.Get("Content-Encoding") != "gzip" || response.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("not compressed: %v", response.Header)
	}
	reader, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || string(text) != strings.Repeat("console.log(1);", 100) {
		t.Fatalf("compressed body: %v, %d bytes", err, len(text))
	}
	plain := get(t, app(), "/assets/index-a1.js")
	if plain.Header.Get("ETag") == response.Header.Get("ETag") {
		t.Error("two encodings share a tag")
	}
	again := get(t, app(), "/", "If-None-Match", get(t, app(), "/").Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("revalidation: %d, want 304", again.StatusCode)
	}
}

func TestRefusesOtherMethods(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	app().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", nil))
	if recorder.Code != http.StatusMethodNotAllowed || recorder.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", recorder.Code, recorder.Header().Get("Allow"))
	}
}

func TestSaysHowToBuild(t *testing.T) {
	t.Parallel()
	response := get(t, newHandler(fstest.MapFS{".gitkeep": {}}), "/")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body(t, response), "make web") {
		t.Errorf("without a build: %d", response.StatusCode)
	}
}

// TestBuiltPageNeedsNothingInline holds for whatever is embedded right now: the page must run under its own policy. (H40)
func TestBuiltPageNeedsNothingInline(t *testing.T) {
	t.Parallel()
	response := get(t, Handler(), "/")
	if response.StatusCode == http.StatusServiceUnavailable {
		return // a fresh clone; TestSaysHowToBuild covers it
	}
	page := body(t, response)
	for _, script := range regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(script[1], "src=") || strings.TrimSpace(script[2]) != "" {
			t.Errorf("inline script: %s", script[0])
		}
	}
	if regexp.MustCompile(`<style|\sstyle=|\son\w+=`).MatchString(page) {
		t.Error("the page has inline styles or handlers")
	}
}
