// Package secret seals what must not be read from a dump: AES-256-GCM, each value bound to the place it is stored in, under keys that
// can be rotated. It also holds Text, a string that never prints.
//
// Imports: the standard library only.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// version is the first byte of every sealed value, so that the form can change.
const version = 1

// ErrOpen means that a sealed value cannot be opened: it was changed, it belongs to another place, or its key is not loaded. It
// says no more on purpose.
var ErrOpen = errors.New("secret: the sealed value cannot be opened here")

// Place is where a value is stored. A value sealed for one place opens in no other, so swapping two rows or columns of a dump, or two
// tenants, yields nothing.
type Place struct {
	Tenant string
	Table  string
	Row    string
	Column string
}

func (p Place) additionalData() []byte {
	return []byte(p.Tenant + "|" + p.Table + "|" + p.Row + "|" + p.Column + "|v1")
}

// Keyring holds the keys by id. New values are sealed under the first one; all can open. It is safe for concurrent use.
type Keyring struct {
	current string
	keys    map[string]cipher.AEAD
}

// ParseKeyring reads keys in the form "id:base64,id:base64": 32 bytes each, the id 1 to 32 letters, digits, dots or dashes, the newest
// first. It returns an error that names the id at fault and never a key.
func ParseKeyring(text string) (*Keyring, error) {
	ring := &Keyring{keys: map[string]cipher.AEAD{}}
	for _, part := range strings.Split(text, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(part), ":")
		if !found || !validID(id) {
			return nil, errors.New("keys have the form id:base64, separated by commas")
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("key %q is not 32 bytes in base64", id)
		}
		if _, twice := ring.keys[id]; twice {
			return nil, fmt.Errorf("key id %q stands there twice", id)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		ring.keys[id] = aead
		if ring.current == "" {
			ring.current = id
		}
	}
	return ring, nil
}

// Seal encrypts plain for the place under the current key: version, key id, nonce and ciphertext.
func (r *Keyring) Seal(plain []byte, at Place) []byte {
	out := append([]byte{version, byte(len(r.current))}, r.current...)
	return r.keys[r.current].Seal(out, nil, plain, at.additionalData())
}

// Open decrypts what Seal made for the same place. It returns ErrOpen when it cannot.
func (r *Keyring) Open(sealed []byte, at Place) ([]byte, error) {
	id, body, ok := split(sealed)
	if !ok {
		return nil, ErrOpen
	}
	aead, known := r.keys[id]
	if !known {
		return nil, ErrOpen
	}
	plain, err := aead.Open(nil, nil, body, at.additionalData())
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// KeyID returns the id of the key a value was sealed under, or "" for something that is no sealed value. Rotation looks for old ones.
func KeyID(sealed []byte) string {
	id, _, _ := split(sealed)
	return id
}

// Current returns the id of the key that Seal uses.
func (r *Keyring) Current() string { return r.current }

// String names the keys by id only.
func (r *Keyring) String() string {
	return fmt.Sprintf("keyring of %d, current %s", len(r.keys), r.current)
}

// GoString is String, so that %#v shows no key.
func (r *Keyring) GoString() string { return r.String() }

// LogValue is String.
func (r *Keyring) LogValue() slog.Value { return slog.StringValue(r.String()) }

func split(sealed []byte) (id string, body []byte, ok bool) {
	if len(sealed) < 2 || sealed[0] != version || len(sealed) < 2+int(sealed[1]) {
		return "", nil, false
	}
	end := 2 + int(sealed[1])
	return string(sealed[2:end]), sealed[end:], true
}

func validID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == ""
}
