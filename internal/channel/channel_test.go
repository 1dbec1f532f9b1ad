package channel_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// A signature holds for these bytes and a secret that is known, and for nothing else. (H20)
func TestVerifySHA256(t *testing.T) {
	body := []byte(`{"a":"\u00e4"}`)
	old, current := []byte("old"), []byte("current")
	e := channel.NewEndpoint("e", []byte("token"), old, current)
	good := channel.SignSHA256(current, body)
	if len(good) != 64 || strings.ToLower(good) != good {
		t.Fatalf("SignSHA256 = %q, want 64 lower-case hex digits", good)
	}
	const published = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8" // a widely printed example of HMAC-SHA256
	if got := channel.SignSHA256([]byte("key"), []byte("The quick brown fox jumps over the lazy dog")); got != published {
		t.Errorf("SignSHA256 = %s, want %s", got, published)
	}
	for name, c := range map[string]struct {
		endpoint  channel.Endpoint
		body      []byte
		signature string
		want      bool
	}{
		"current secret":   {e, body, good, true},
		"old secret":       {e, body, channel.SignSHA256(old, body), true},
		"third secret":     {channel.NewEndpoint("e", nil, old, old, current), body, good, true},
		"foreign secret":   {e, body, channel.SignSHA256([]byte("other"), body), false},
		"changed body":     {e, append(slices.Clone(body), ' '), good, false},
		"empty":            {e, body, "", false},
		"zeros":            {e, body, strings.Repeat("0", 64), false},
		"upper case":       {e, body, strings.ToUpper(good), false},
		"not hex":          {e, body, "g" + good[1:], false},
		"short":            {e, body, good[:62], false},
		"unknown endpoint": {channel.UnknownEndpoint(), body, good, false},
		"empty secret":     {channel.NewEndpoint("e", nil, []byte{}), body, channel.SignSHA256(nil, body), false},
	} {
		if got := c.endpoint.VerifySHA256(c.body, c.signature); got != c.want {
			t.Errorf("%s: verified = %t, want %t", name, got, c.want)
		}
	}
}

// The stand-in key of unknown endpoints is public, since the source is; signing with it must not help.
func TestStandInKeyOpensNothing(t *testing.T) {
	body := []byte("x")
	signature := channel.SignSHA256([]byte("no endpoint has this secret"), body)
	for _, e := range []channel.Endpoint{channel.UnknownEndpoint(), channel.NewEndpoint("e", nil, []byte("one secret"))} {
		if e.VerifySHA256(body, signature) {
			t.Error("the stand-in key verifies")
		}
	}
}

// A token is compared whole, and no token is nobody's. (H25)
func TestVerifyToken(t *testing.T) {
	e := channel.NewEndpoint("e", []byte("token"))
	if !e.VerifyToken("token") || e.VerifyToken("Token") || e.VerifyToken("") || e.VerifyToken("token2") {
		t.Error("the token is not compared exactly")
	}
	if channel.UnknownEndpoint().VerifyToken("") {
		t.Error("an endpoint without a token takes the empty one")
	}
}

// BenchmarkVerify shows that an unknown endpoint costs what a known one does.
func BenchmarkVerify(b *testing.B) {
	body := []byte(strings.Repeat("x", 2000))
	e := channel.NewEndpoint("e", nil, []byte("secret"))
	for name, endpoint := range map[string]channel.Endpoint{"known": e, "unknown": channel.UnknownEndpoint()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				endpoint.VerifySHA256(body, "00")
			}
		})
	}
}

type named string

func (n named) Kind() string { return string(n) }
func (named) Send(context.Context, channel.Account, channel.Outbound) (channel.Receipt, error) {
	return channel.Receipt{}, nil
}
func (named) Receive(context.Context, channel.Endpoint, channel.Request) ([]channel.Item, error) {
	return nil, nil
}

func TestRegistry(t *testing.T) {
	r, err := channel.NewRegistry(named("b"), named("a"))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.Provider("b"); err != nil || p.Kind() != "b" {
		t.Errorf("Provider(b) = %v, %v", p, err)
	}
	var unknown *channel.UnknownProviderError
	if _, err := r.Provider("c"); !errors.As(err, &unknown) || unknown.Kind != "c" || !slices.Equal(unknown.Known, []string{"a", "b"}) {
		t.Errorf("Provider(c) = %v, want an UnknownProviderError that names a and b", err)
	}
	if _, err := channel.NewRegistry(named("a"), named("a")); err == nil {
		t.Error("two providers of one kind are taken")
	}
	if _, err := channel.NewRegistry(named("")); err == nil {
		t.Error("a provider without a kind is taken")
	}
}

func TestAccountDecodesStrictly(t *testing.T) {
	var v struct {
		Key string `json:"key"`
	}
	for _, bad := range []string{`{"key":"hush","more":1}`, `{"key":"hush","KEY":"hush"}`, `{"key":"hush","key":"hush"}`, `{"key":"hush"} {}`, `{"key":["hush"]}`, `hush`, `null`} {
		err := channel.NewAccount("id", "ref", nil, []byte(bad)).DecodeCredentials(&v)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: err = %v, want one that does not quote it", bad, err)
		}
	}
	if err := channel.NewAccount("id", "ref", nil, []byte(`{"key":"hush"}`)).DecodeCredentials(&v); err != nil || v.Key != "hush" {
		t.Errorf("a good document: %q, %v", v.Key, err)
	}
}

func TestSendError(t *testing.T) {
	cause := errors.New("cause")
	e := &channel.SendError{Class: channel.Auth, Err: cause}
	if got := channel.AsSendError(errors.Join(errors.New("x"), e)); got != e || !errors.Is(got, cause) {
		t.Errorf("AsSendError = %v, want the wrapped one", got)
	}
	if got := channel.AsSendError(cause); got.Class != channel.Transient || !got.OutcomeUnknown {
		t.Errorf("AsSendError of a foreign error = %+v, want transient and unknown", got)
	}
}
