package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// The argon2id parameters that OWASP's password storage sheet recommends: 19 MiB, two passes, one lane.
const (
	argonMemory  = 19 * 1024
	argonTime    = 2
	argonLanes   = 1
	argonKeyLen  = 32
	argonSaltLen = 16
	maxPassword  = 1000 // bytes; hashing more would only cost time
	minPassword  = 10   // runes
)

var encoding = base64.RawStdEncoding

// Hasher makes and checks password hashes, a bounded number at once, since each takes 19 MiB.
type Hasher struct{ slots chan struct{} }

// NewHasher returns a Hasher that works on at most atOnce passwords at the same time.
func NewHasher(atOnce int) *Hasher { return &Hasher{slots: make(chan struct{}, max(atOnce, 1))} }

// Hash returns the argon2id hash of a new password in PHC string form. It returns an Invalid error for a password under 10 characters
// or over 1,000 bytes.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len([]rune(password)) < minPassword || len(password) > maxPassword {
		return "", fault.BadField("password", "a password has %d characters to %d bytes", minPassword, maxPassword)
	}
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, argonSaltLen)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKeyLen)
	return argonHash{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: salt, key: key}.String(), nil
}

// Verify reports whether password is the one that hash was made from. An empty or unreadable hash costs the same time and is false, so
// that an unknown account cannot be told from a wrong password.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	p, known := parseHash(hash)
	if len(password) > maxPassword {
		password, known = "", false
	}
	key := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.lanes, argonKeyLen)
	return subtle.ConstantTimeCompare(key, p.key) == 1 && known, nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "too many sign-ins at once; try again")
	}
}

func (h *Hasher) leave() { <-h.slots }

type argonHash struct {
	memory, time uint32
	lanes        uint8
	salt, key    []byte
}

// String returns the hash in PHC string form.
func (h argonHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.lanes,
		encoding.EncodeToString(h.salt), encoding.EncodeToString(h.key))
}

// parseHash reads a PHC string exactly as String writes it; for anything else it returns parameters of the usual cost and false.
func parseHash(s string) (argonHash, bool) {
	p := argonHash{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: make([]byte, argonSaltLen), key: make([]byte, argonKeyLen)}
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return p, false
	}
	var read argonHash
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &read.memory, &read.time, &read.lanes)
	if err != nil || read.lanes == 0 || read.time == 0 {
		return p, false
	}
	read.salt, _ = encoding.DecodeString(parts[4]) // of what cannot be decoded, String is another
	read.key, _ = encoding.DecodeString(parts[5])
	if len(read.salt) < argonSaltLen || len(read.key) != argonKeyLen || read.String() != s {
		return p, false
	}
	return read, true
}
