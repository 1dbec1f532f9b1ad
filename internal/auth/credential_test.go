package auth_test

import "testing"

// R60: what the database keeps of a credential is nothing that it could be used with.
func TestCredentialsAreKeptSealed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	key := f.key(f.tenant)
	first, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Refresh(t.Context(), first.Refresh, nonce)
	if err != nil {
		t.Fatal(err)
	}
	const kept = `SELECT count(*) FROM (SELECT hash FROM api_keys UNION ALL SELECT hash FROM refresh_tokens UNION ALL SELECT successor_sealed FROM refresh_tokens) k(value)
		WHERE value IS NOT NULL AND ($1 = '' OR position(convert_to(right($1, 20), 'UTF8') IN value) > 0)`
	if n := f.world.Int(kept, ""); n != 4 {
		t.Fatalf("%d values are kept of an API key, two refresh tokens and a successor, want 4", n)
	}
	for name, credential := range map[string]string{"API key": key, "refresh token that was spent": first.Refresh, "refresh token": second.Refresh} {
		if f.world.Int(kept, credential) != 0 {
			t.Errorf("the %s is kept as it is", name)
		}
	}
}
