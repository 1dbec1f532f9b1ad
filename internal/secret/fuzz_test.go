package secret_test

import (
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// FuzzKeyring looks for a list of keys that panics, whose error quotes a key, or that is taken and does not open what it sealed.
func FuzzKeyring(f *testing.F) {
	for _, seed := range []string{"k1:" + key(1), "k2:" + key(2) + ",k1:" + key(1), "k1:" + key(1) + ",k1:" + key(2), ",", ":", "k1:" + key(1)[:40], " k.-1 :" + key(3)} {
		f.Add(seed)
	}
	home := secret.Place{Tenant: "a", Table: "b", Row: "c", Column: "d"}
	f.Fuzz(func(t *testing.T, list string) {
		ring, err := secret.ParseKeyring(list)
		if err != nil {
			for part := range strings.SplitSeq(list, ",") {
				_, key, _ := strings.Cut(part, ":") // what is no longer than an id may be one, and ids are named
				if len(key) > 32 && strings.Contains(err.Error(), key) {
					t.Fatalf("%q: the error shows a key: %v", list, err)
				}
			}
			return
		}
		sealed := ring.Seal([]byte("token"), home)
		if plain, err := ring.Open(sealed, home); err != nil || string(plain) != "token" || secret.KeyID(sealed) != ring.Current() {
			t.Fatalf("%q opens %q, %v", list, plain, err)
		}
	})
}

// FuzzOpen looks for bytes that panic, or that open although nobody sealed them.
func FuzzOpen(f *testing.F) {
	ring, err := secret.ParseKeyring("k1:" + key(1))
	if err != nil {
		f.Fatal(err)
	}
	home := secret.Place{Tenant: "a", Table: "b", Row: "c", Column: "d"}
	genuine := ring.Seal([]byte("token"), secret.Place{})
	f.Add(genuine)
	f.Add(genuine[:5])
	f.Add([]byte{1, 255})
	f.Add([]byte{1, 2, 'k', '1'})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := ring.Open(sealed, home); err == nil {
			t.Fatalf("%x opens as %q", sealed, plain)
		}
		_ = secret.KeyID(sealed)
	})
}
