package httpd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/blob"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// shelf is a tenant's stored file behind signed addresses.
type shelf struct {
	*desk
	place  place
	signer *httpd.FileSigner
	files  http.Handler
	at     time.Time
	id     uuid.UUID
}

func newShelf(t *testing.T, filename, mimeType string, content []byte) *shelf {
	t.Helper()
	s := &shelf{desk: newDesk(t), at: time.Now()}
	s.place = s.desk.place("7001")
	if w := s.post(s.handler, "/webhooks/meta", appSecret, text("7001", "m1", "491711234567", "with a file")); w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	ctx := context.Background()
	blobs, err := blob.Open(ctx, "file://"+t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = blobs.Close() })
	must(t, blobs.Put(ctx, "key-1", bytes.NewReader(content)))
	s.id = uuid.Must(uuid.NewV7())
	s.exec(`INSERT INTO attachments (tenant_id, id, message_id, channel_account_id, provider_media, filename, mime_type, size_bytes, blob_key,
		state, created_at) SELECT tenant_id, $1, id, channel_account_id, '{}', $2, $3, $4, 'key-1', 'STORED', now() FROM messages`,
		s.id, filename, mimeType, len(content))
	key := "f1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
	s.signer, err = httpd.NewFileSigner("https://desk.example", key, func() time.Time { return s.at })
	must(t, err)
	s.files = httpd.NewFiles(s.signer, inbox.New(s.base.DB, time.Now), blobs, slog.New(slog.DiscardHandler))
	return s
}

func (s *shelf) get(address string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.files.ServeHTTP(w, r)
	return w
}

func TestFileIsServedToWhoeverHasItsAddress(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))))
	s := newShelf(t, "../über \"uns\"\r\n.png", "image/png", b.Bytes())
	w := s.get(s.signer.SignedURL(s.place.tenant, s.id, false))
	if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), b.Bytes()) {
		t.Fatalf("%d, %d bytes", w.Code, w.Body.Len())
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
		"Content-Disposition": `inline; filename="_ber uns.png"; filename*=UTF-8''%C3%BCber%20uns.png`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	saved := s.get(s.signer.SignedURL(s.place.tenant, s.id, true))
	if how := saved.Header().Get("Content-Disposition"); !strings.HasPrefix(how, "attachment; ") {
		t.Errorf("a download has %q", how)
	}
	part := s.get(s.signer.SignedURL(s.place.tenant, s.id, false), "Range", "bytes=1-3")
	if body, _ := io.ReadAll(part.Body); part.Code != http.StatusPartialContent || string(body) != "PNG" {
		t.Errorf("a part: %d %q", part.Code, body)
	}
}

// Whatever its name says, a file that a browser could run is only saved. (H40)
func TestFileThatCouldHoldAScriptIsOnlySaved(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"image/svg+xml", "text/html", "application/pdf", "text/xml", "image/tiff", "application/octet-stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, "innocent.png", kind, []byte("<svg onload=alert(1)>"))
			w := s.get(s.signer.SignedURL(s.place.tenant, s.id, false))
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/octet-stream" ||
				!strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; ") {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}

func TestForgedAndOldAddressesOfFiles(t *testing.T) {
	t.Parallel()
	s := newShelf(t, "a.png", "image/png", []byte("x"))
	other := s.desk.place("7002")
	good := s.signer.SignedURL(s.place.tenant, s.id, false)
	token := good[strings.LastIndex(good, "/")+1:]
	flipped := []byte(token)
	flipped[20] ^= 1
	stranger, err := httpd.NewFileSigner("", "f2:"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 32)), time.Now)
	must(t, err)
	for name, address := range map[string]string{
		"nothing": "/files/", "flipped": "/files/" + string(flipped), "cut": "/files/" + token[:len(token)-2], "longer": "/files/" + token + "AA",
		"another key": stranger.SignedURL(s.place.tenant, s.id, false), "another tenant's name": s.signer.SignedURL(other.tenant, s.id, false),
		"no such file": s.signer.SignedURL(s.place.tenant, uuid.Must(uuid.NewV7()), false),
	} {
		if w := s.get(address); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	s.at = s.at.Add(5*time.Minute + time.Second)
	if w := s.get(good); w.Code != http.StatusNotFound {
		t.Errorf("after 5 minutes: %d", w.Code)
	}
	if w := s.get(s.signer.SignedURL(s.place.tenant, s.id, false)); w.Code != http.StatusOK {
		t.Errorf("a new address: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, good, nil)
	w := httptest.NewRecorder()
	if s.files.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	if _, err := httpd.NewFileSigner("", "f1:short", time.Now); err == nil {
		t.Error("a short key is accepted")
	}
}
