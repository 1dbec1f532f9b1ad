package httpd

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// fileLife is how long a signed address works. It ends on a whole minute, so that an address that is asked for again soon is the same
// one and the browser need not fetch the file twice.
const fileLife = 5 * time.Minute

// FileSigner makes and checks addresses of files. Who may see a file is decided when its address is made; the address itself is then all
// that is needed, for at most 5 minutes.
type FileSigner struct {
	base  string
	keys  [][]byte // the first one signs, all of them prove
	clock func() time.Time
}

// NewFileSigner returns a FileSigner for addresses under base (the public address of this server, or "" for paths only). Keys have the
// form "id:base64,id:base64", the newest first; it returns an error that never quotes one.
func NewFileSigner(base, keys string, clock func() time.Time) (*FileSigner, error) {
	s := &FileSigner{base: strings.TrimRight(base, "/"), clock: clock}
	for _, part := range strings.Split(keys, ",") {
		_, encoded, found := strings.Cut(strings.TrimSpace(part), ":")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil || len(key) < 32 {
			return nil, errors.New("keys that sign addresses of files have the form id:base64, of at least 32 bytes, separated by commas")
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// grant is what a signed address allows.
type grant struct {
	tenant     inbox.TenantID
	attachment uuid.UUID
	download   bool
	until      int64 // seconds since 1970
}

const grantSize = 16 + 16 + 1 + 8

func (g grant) encode() []byte {
	b := make([]byte, 0, grantSize+sha256.Size)
	tenant := g.tenant.UUID()
	b = append(b, tenant[:]...)
	b = append(b, g.attachment[:]...)
	if g.download {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(g.until))
}

// SignedURL returns an address of the attachment that works for 5 minutes; with download it is saved, never shown.
func (s *FileSigner) SignedURL(tenant inbox.TenantID, attachment uuid.UUID, download bool) string {
	until := s.clock().Add(fileLife).Truncate(time.Minute).Unix()
	payload := grant{tenant: tenant, attachment: attachment, download: download, until: until}.encode()
	return s.base + "/files/" + base64.RawURLEncoding.EncodeToString(append(payload, sign(s.keys[0], payload)...))
}

// check returns what the token allows, and false when it is forged or too old.
func (s *FileSigner) check(token string) (grant, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != grantSize+sha256.Size || len(token) != base64.RawURLEncoding.EncodedLen(len(b)) { // the decoder skips line breaks
		return grant{}, false
	}
	payload, mac := b[:grantSize], b[grantSize:]
	genuine := false
	for _, key := range s.keys {
		genuine = hmac.Equal(sign(key, payload), mac) || genuine
	}
	g := grant{
		tenant: inbox.TenantOf(uuid.UUID(payload[:16])), attachment: uuid.UUID(payload[16:32]), download: payload[32] == 1,
		until: int64(binary.BigEndian.Uint64(payload[33:])),
	}
	return g, genuine && s.clock().Unix() <= g.until
}

func sign(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("switchboard file v1\n"))
	mac.Write(payload)
	return mac.Sum(nil)
}

// FileStore finds files. inbox.Inbox is one.
type FileStore interface {
	// Attachment returns a file that the actor may see, otherwise NotFound.
	Attachment(ctx context.Context, actor inbox.Actor, id uuid.UUID) (inbox.Attachment, error)
}

// FileContent opens the bytes of files. blob.Bucket is one.
type FileContent interface {
	// Open returns the content under the key, or a NotFound error.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
}

// NewFiles returns the handler of everything under /files/.
func NewFiles(signer *FileSigner, store FileStore, content FileContent, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "files are fetched by GET", http.StatusMethodNotAllowed)
			return
		}
		g, ok := signer.check(strings.TrimPrefix(r.URL.Path, "/files/"))
		if !ok {
			writeError(w, r, log, fault.New(fault.NotFound, "this address of a file does not work, or no longer; ask for a new one"))
			return
		}
		if err := serveFile(w, r, g, store, content); err != nil {
			writeError(w, r, log, err)
		}
	})
}

func serveFile(w http.ResponseWriter, r *http.Request, g grant, store FileStore, content FileContent) error {
	file, err := store.Attachment(r.Context(), inbox.SystemActor(g.tenant), g.attachment)
	if err != nil {
		return err
	}
	if file.State != inbox.AttachmentStored {
		return fault.New(fault.NotFound, "the file is not here yet")
	}
	body, err := content.Open(r.Context(), file.BlobKey)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	header := w.Header()
	kind, how := "application/octet-stream", "attachment"
	if shown(file.MIMEType) {
		kind = file.MIMEType
		if !g.download {
			how = "inline"
		}
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Disposition", disposition(how, fileName(file)))
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-site")
	header.Set("Cache-Control", "private, max-age=300, immutable")
	header.Set("ETag", `"`+file.ID.String()+`"`)
	http.ServeContent(w, r, "", time.Time{}, body)
	return nil
}

// shown reports whether a browser may show a file of the type, as sniffed from its bytes. Whatever can hold a script is not among them:
// no SVG, HTML, XML or PDF.
func shown(mimeType string) bool {
	switch mimeType {
	case "image/jpeg", "image/png", "image/gif", "image/webp",
		"audio/mpeg", "audio/ogg", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/amr", "audio/wav", "audio/webm",
		"video/mp4", "video/webm", "video/3gpp", "video/quicktime", "application/ogg":
		return true
	}
	return false
}

// fileName returns the name under which a file is saved: the sender's, without anything that a path or a header could be made of, or one
// by its id.
func fileName(file inbox.Attachment) string {
	name := path.Base(strings.ReplaceAll(strings.ToValidUTF8(file.Filename, ""), `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || strings.ContainsRune(`<>:"|?*/\`, c) || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return -1
		}
		return c
	}, name)
	name = strings.Trim(name, ". ")
	if name == "" {
		name = "file-" + file.ID.String()[:8]
		if extensions, err := mime.ExtensionsByType(file.MIMEType); err == nil && len(extensions) > 0 && shown(file.MIMEType) {
			name += extensions[0]
		}
	}
	if r := []rune(name); len(r) > 150 {
		name = string(r[len(r)-150:])
	}
	return name
}

// disposition returns the header value by RFC 6266: a plain name for old readers, and the whole one in UTF-8.
func disposition(how, name string) string {
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '%' {
			return '_'
		}
		return c
	}, name)
	return fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, how, plain, strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
}
