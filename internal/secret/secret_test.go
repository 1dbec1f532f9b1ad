package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/secret"
)

func key(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func ring(t *testing.T, text string) *secret.Keyring {
	t.Helper()
	r, err := secret.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A sealed value is worth nothing in another tenant, table, row or column. (R61)
func TestSealedValueOpensOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	r := ring(t, "k1:"+key(1))
	home := secret.Place{Tenant: "a", Table: "channel_accounts", Row: "1", Column: "credentials"}
	sealed := r.Seal([]byte("token"), home)
	if bytes.Contains(sealed, []byte("token")) {
		t.Fatal("the sealed value shows the plain one")
	}
	if plain, err := r.Open(sealed, home); err != nil || string(plain) != "token" {
		t.Fatalf("open at home: %q, %v", plain, err)
	}
	for name, elsewhere := range map[string]secret.Place{
		"another tenant": {Tenant: "b", Table: home.Table, Row: home.Row, Column: home.Column},
		"another table":  {Tenant: home.Tenant, Table: "tenants", Row: home.Row, Column: home.Column},
		"another row":    {Tenant: home.Tenant, Table: home.Table, Row: "2", Column: home.Column},
		"another column": {Tenant: home.Tenant, Table: home.Table, Row: home.Row, Column: "secret"},
	} {
		if _, err := r.Open(sealed, elsewhere); err == nil {
			t.Errorf("the value opened in %s", name)
		}
	}
}

// No bit of a sealed value may change, and none be missing. (R61)
func TestSealedValueRefusesEveryChange(t *testing.T) {
	t.Parallel()
	r := ring(t, "k1:"+key(1))
	sealed := r.Seal([]byte("token"), secret.Place{})
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if _, err := r.Open(changed, secret.Place{}); err == nil {
				t.Fatalf("byte %d bit %d flipped and it opened", i, bit)
			}
		}
	}
	for n := range sealed {
		if _, err := r.Open(sealed[:n], secret.Place{}); err == nil {
			t.Fatalf("cut to %d bytes and it opened", n)
		}
	}
}

// While keys are exchanged both open, the new one seals, and the old one is gone when it is taken out. (R61)
func TestRotation(t *testing.T) {
	t.Parallel()
	old := ring(t, "k1:"+key(1)).Seal([]byte("token"), secret.Place{})
	both := ring(t, "k2:"+key(2)+",k1:"+key(1))
	if plain, err := both.Open(old, secret.Place{}); err != nil || string(plain) != "token" {
		t.Fatalf("the old value does not open beside the new key: %v", err)
	}
	if got := secret.KeyID(both.Seal(nil, secret.Place{})); got != "k2" {
		t.Fatalf("new values are sealed under %q", got)
	}
	if _, err := ring(t, "k2:"+key(2)).Open(old, secret.Place{}); err == nil {
		t.Fatal("the old value opened without its key")
	}
	if _, err := ring(t, "k1:"+key(3)).Open(old, secret.Place{}); err == nil {
		t.Fatal("the old value opened under another key of the same id")
	}
}

func TestParseKeyringRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "k1", "k1:", ":" + key(1), "k1:short", "k1:" + key(1) + ",k1:" + key(2), "k 1:" + key(1)} {
		if _, err := secret.ParseKeyring(text); err == nil {
			t.Errorf("%q was accepted", text)
		} else if strings.Contains(err.Error(), key(1)) {
			t.Errorf("the error for %q shows a key", text)
		}
	}
}

// No way of printing shows a secret. (H15, R60)
func TestTextNeverPrints(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-1f3a"
	text := secret.NewText(canary)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "text", text, "in", struct{ T secret.Text }{text})
	encoded, err := json.Marshal(map[string]any{"t": text, "p": &text})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %#v", text, text, text, text, text, text, text, []secret.Text{text}, &text)
	for _, shown := range []string{log.String(), string(encoded), printed} {
		if strings.Contains(shown, canary) || strings.Contains(shown, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret shows in %s", shown)
		}
	}
	if text.Reveal() != canary {
		t.Error("Reveal does not return the value")
	}
}
