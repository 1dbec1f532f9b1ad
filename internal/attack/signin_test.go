package attack

import (
	"strings"
	"testing"
)

// TestPasswordsAreTriedFiveTimes guesses at the passwords of an account that exists and of one that does not, at two processes in turn:
// the sixth guess of a minute is refused, and until then both accounts answer alike. (H13)
func TestPasswordsAreTriedFiveTimes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := s.shop("shop-a")
	elsewhere := *s
	elsewhere.api = s.start("serve")
	shops := []*shop{n, {Tenant: n.Tenant, s: &elsewhere}}
	guess := func(i int, email string) string {
		return shops[i%2].ask("nobody", loginDocument, map[string]any{"in": map[string]any{"tenant": n.Slug, "email": email, "password": "wrong horse battery"}})
	}
	for i := range 5 {
		known, unknown := guess(i, "ada@shop.example"), guess(i, "eve@shop.example")
		if !strings.Contains(known, `"UNAUTHENTICATED"`) || known != unknown {
			t.Fatalf("guess %d is answered %s, of an account that is not there %s", i+1, known, unknown)
		}
	}
	for i := range 2 {
		if raw := guess(i, "ada@shop.example"); !strings.Contains(raw, `"RATE_LIMITED"`) || !strings.Contains(raw, `"retryAfter"`) {
			t.Errorf("one more guess is answered %s", raw)
		}
	}
	if raw := guess(0, "bob@shop.example"); !strings.Contains(raw, `"UNAUTHENTICATED"`) {
		t.Errorf("another account is locked out: %s", raw)
	}
}
