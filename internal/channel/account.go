package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Account is one sender identity at a vendor, with its settings and opened credentials. It prints as its id only.
type Account struct {
	ID          string // our id of the channel account
	ExternalRef string // the vendor's key of it (Meta's phone_number_id)
	settings    []byte
	credentials []byte
	read        *atomic.Value // what Credentials has read; shared by copies
}

// NewAccount returns an Account; settings and credentials are JSON objects, credentials in the clear.
func NewAccount(id, externalRef string, settings, credentials []byte) Account {
	return Account{ID: id, ExternalRef: externalRef, settings: settings, credentials: credentials, read: &atomic.Value{}}
}

// Credentials returns what read makes of the account's credentials, for a caller that needs it for every message: it is read once for an account
// and its copies, until it can be read. One account is always asked for the same type.
func Credentials[T any](a Account, read func(Account) (T, error)) (T, error) {
	if a.read == nil {
		return read(a)
	}
	if known, ok := a.read.Load().(T); ok {
		return known, nil
	}
	c, err := read(a)
	if err == nil {
		a.read.Store(c)
	}
	return c, err
}

// DecodeSettings reads the public settings into v. It refuses unknown fields; empty settings leave v as it is.
func (a Account) DecodeSettings(v any) error { return decodeStrict("settings", a.settings, v) }

// DecodeCredentials reads the secret credentials into v. It refuses unknown fields, and its error never quotes a value.
func (a Account) DecodeCredentials(v any) error { return decodeStrict("credentials", a.credentials, v) }

// String returns the account's id.
func (a Account) String() string { return "account " + a.ID }

// GoString returns the account's id, so that %#v shows no credential.
func (a Account) GoString() string { return a.String() }

// LogValue logs the account's id.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.ID) }

// Endpoint is one webhook address with what proves a caller. It prints as its id only.
type Endpoint struct {
	ID          string
	secrets     [][]byte
	verifyToken []byte
}

// NewEndpoint returns an Endpoint; secrets are the accepted signing secrets (two during a rotation).
func NewEndpoint(id string, verifyToken []byte, secrets ...[]byte) Endpoint {
	return Endpoint{ID: id, secrets: secrets, verifyToken: verifyToken}
}

// String returns the endpoint's kind without its id, which is itself unguessable.
func (e Endpoint) String() string { return "webhook endpoint" }

// GoString returns the same as String.
func (e Endpoint) GoString() string { return e.String() }

// LogValue logs the same as String.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

func decodeStrict(what string, data []byte, v any) error {
	if len(data) == 0 {
		return nil
	}
	wrong := fmt.Errorf("channel account %s do not have the expected form", what)
	value, err := ReadJSON(data)
	if _, object := value.enter('{'); err != nil || !object || value.Check() != nil {
		return wrong
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode(v) != nil {
		return wrong
	}
	return nil
}
