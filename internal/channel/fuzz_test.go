package channel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/leaktest"
)

// FuzzStrictJSON looks for JSON from outside that panics, that changes when it is cleaned twice, or that yields text which no database
// takes. (H27)
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"a":"\u0000","b":"\ud800","c":"\ud83d\ude00"}`, `{"a":1,"A":2}`, `"\\u0000"`, "\"\xff\"", strings.Repeat("[", 40), `[1e999,-0]`, `{"\u0061":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var value any
		var err error
		leaktest.Bounded(t, func() { err = channel.DecodeJSON(bytes.Clone(data), &value) })
		if err != nil && !errors.Is(err, channel.ErrMalformed) {
			t.Fatalf("%q gives %v", data, err)
		}
		if err == nil {
			for _, text := range texts(value) {
				if strings.Contains(text, "\x00") || !utf8.ValidString(text) {
					t.Fatalf("%q yields the text %q", data, text)
				}
			}
		}
		clean := channel.JSON(bytes.Clone(data)).Clean()
		if again := channel.JSON(bytes.Clone(clean)).Clean(); !bytes.Equal(again, clean) {
			t.Fatalf("%q is cleaned to %q, and that to %q", data, clean, again)
		}
		if json.Valid(data) != json.Valid(clean) {
			t.Fatalf("cleaning %q makes %q", data, clean)
		}
	})
}

// FuzzAccountForm looks for settings or credentials of an account that panic, that are taken although they say something unknown or twice, or whose
// error quotes them.
func FuzzAccountForm(f *testing.F) {
	for _, seed := range []string{`{"token":"secret-token"}`, `{"token":"a","token":"b"}`, `{"Token":"a"}`, `{"token":"a","more":1}`, `{"token":"a"} {}`, `[]`, `null`, "", `{"token":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var form struct {
			Token string `json:"token"`
		}
		account := channel.NewAccount("id", "ref", data, data)
		settings, credentials := account.DecodeSettings(&form), account.DecodeCredentials(&form)
		if (settings == nil) != (credentials == nil) {
			t.Fatalf("%q: as settings %v, as credentials %v", data, settings, credentials)
		}
		for _, err := range []error{settings, credentials} {
			if err != nil && len(data) > 20 && strings.Contains(err.Error(), string(data)) {
				t.Fatalf("the error shows %q", data)
			}
		}
		if settings != nil || len(data) == 0 {
			return
		}
		members, err := channel.JSON(data).Members()
		if err != nil || len(members) > 1 {
			t.Fatalf("%q was taken, with %d members, %v", data, len(members), err)
		}
	})
}

// texts returns every text in a decoded value.
func texts(value any) (found []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case []any:
		for _, one := range v {
			found = append(found, texts(one)...)
		}
	case map[string]any:
		for name, one := range v {
			found = append(append(found, name), texts(one)...)
		}
	}
	return found
}

// FuzzVerify looks for a signature that panics, or that verifies although nobody signed.
func FuzzVerify(f *testing.F) {
	secret := []byte("an app secret")
	endpoint := channel.NewEndpoint("e", nil, secret)
	f.Add([]byte("{}"), channel.SignSHA256(secret, []byte("{}")))
	f.Add([]byte(""), "")
	f.Add([]byte("{}"), strings.ToUpper(channel.SignSHA256(secret, []byte("{}"))))
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		if endpoint.VerifySHA256(body, signature) != (signature == channel.SignSHA256(secret, body)) {
			t.Fatalf("%q over %q", signature, body)
		}
	})
}
