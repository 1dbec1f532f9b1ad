package auth_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/auth"
)

// H13: made-up tokens make nobody's access be read again; the end of a sign-in is known at once, and only of that one.
func TestOnlyWhatEndsIsForgotten(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.login()
	if err != nil {
		t.Fatal(err)
	}
	knows := func(pair auth.Pair) bool {
		_, _, err := f.Authenticate(t.Context(), auth.Credentials{Bearer: pair.Access})
		return err == nil
	}
	if !knows(first) || !knows(second) {
		t.Fatal("who has just signed in is not known")
	}
	f.world.Exec("UPDATE agents SET status = 'DISABLED'") // who is remembered is known by memory alone
	madeUp := first.Refresh[:len(first.Refresh)-4] + "AAAA"
	if err := f.Logout(t.Context(), madeUp); err != nil {
		t.Fatal(err)
	}
	_, err = f.Refresh(t.Context(), madeUp, nonce)
	mustRefuse(t, "a made-up token", err)
	if !knows(first) || !knows(second) {
		t.Error("a made-up token has callers forgotten")
	}
	if err := f.Logout(t.Context(), first.Refresh); err != nil {
		t.Fatal(err)
	}
	if knows(first) || !knows(second) {
		t.Error("one sign-in ended, and another is forgotten or that one is not")
	}
}
