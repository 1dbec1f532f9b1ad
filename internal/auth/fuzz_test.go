package auth

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// FuzzCredential looks for an API key or refresh token that panics, or that names its tenant in two spellings.
func FuzzCredential(f *testing.F) {
	tenant := inbox.TenantOf(uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000001")))
	key, _ := NewAPIKey(tenant)
	for _, seed := range []string{key, newCredential(refreshPrefix, tenant), "ik_", "ik__", strings.ToUpper(key), key + " ", "rt_" + strings.Repeat("0", 26) + "_" + strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, prefix := range []string{apiKeyPrefix, refreshPrefix} {
			id, ok := parseCredential(prefix, text)
			if ok && (id.UUID() == uuid.Nil || !strings.HasPrefix(text, prefix+"_"+encodeTenant(id.UUID())+"_")) {
				t.Fatalf("%q names %v", text, id)
			}
		}
	})
}

// FuzzToken looks for an access token that panics, or that is believed although it is not the one we signed.
func FuzzToken(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	keys := "j1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	tokens, err := NewTokens(keys, "switchboard", time.Minute, func() time.Time { return now })
	if err != nil {
		f.Fatal(err)
	}
	id := uuid.Must(uuid.Parse("018f0000-0000-7000-8000-000000000001"))
	genuine, _, err := tokens.Issue(inbox.TenantOf(id), id, id)
	if err != nil {
		f.Fatal(err)
	}
	header, rest, _ := strings.Cut(genuine, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"j1"}`))
	foreign := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","jwk":{"kty":"OKP"},"kid":"../../dev/null"}`))
	for _, seed := range []string{genuine, none + "." + rest, foreign + "." + rest, header + "..", "...", strings.Repeat(".", 3000), genuine + "=", genuine[:len(genuine)-1]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if claims, err := tokens.Check(token); err == nil && token != genuine {
			t.Fatalf("%q is believed: %v", token, claims)
		}
	})
}

// FuzzEmail looks for an address that folds to two forms, so that one person could be two.
func FuzzEmail(f *testing.F) {
	for _, seed := range []string{" Ada@Example.COM ", "İ@x", "ß@x", "\u0000", "ΑΣ@x", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, email string) {
		once := FoldEmail(email)
		if twice := FoldEmail(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", email, once, twice)
		}
	})
}

// FuzzSigningKeys looks for a list of signing keys that panics, or whose error quotes what may be a key.
func FuzzSigningKeys(f *testing.F) {
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for _, seed := range []string{"k1:" + good, "k1:" + good + ",k2:" + good, "k1:" + good + ",", good, ":", "k1:" + good + " , k1:" + good, good + ":" + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		tokens, err := NewTokens(list, "switchboard", time.Minute, time.Now)
		if err != nil {
			for part := range strings.SplitSeq(list, ",") {
				_, key, _ := strings.Cut(part, ":") // what is no longer than an id may be one, and ids are named
				if key = strings.TrimSpace(key); len(key) > 32 && strings.Contains(err.Error(), key) {
					t.Fatalf("%q: the error shows a key: %v", list, err)
				}
			}
			return
		}
		if _, _, err := tokens.Issue(inbox.TenantID{}, uuid.Nil, uuid.Nil); err != nil {
			t.Fatalf("%q is taken and signs nothing: %v", list, err)
		}
	})
}

// FuzzParseHash looks for a stored hash that panics, that is read with parameters on which argon2 would panic, or that is unreadable and then costs
// another time than a wrong password.
func FuzzParseHash(f *testing.F) {
	salt, key := encoding.EncodeToString(make([]byte, argonSaltLen)), encoding.EncodeToString(make([]byte, argonKeyLen))
	for _, seed := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key, "$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key, "$argon2id$v=19$m=8,t=1,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + key, "$argon2i$v=19$m=8,t=1,p=1$$", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA", "-", "$$$$$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		p, known := parseHash(hash)
		if p.time == 0 || p.lanes == 0 || len(p.key) != argonKeyLen {
			t.Fatalf("%q is read as %+v", hash, p)
		}
		usual := p.memory == argonMemory && p.time == argonTime && p.lanes == argonLanes && len(p.salt) == argonSaltLen
		if !known && !usual {
			t.Fatalf("%q is unreadable and costs %+v", hash, p)
		}
		if known && (!strings.HasPrefix(hash, "$argon2id$v=19$m=") || len(p.salt) < argonSaltLen || p.String() != hash) {
			t.Fatalf("%q is taken for a hash of ours", hash)
		}
	})
}
