package auth_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// TestSignInsFollowTheModel renews, repeats, steals and ends sign-ins at random, with any token that was ever given, and compares each answer
// with a model of the rules: a token is traded once, the same client gets the same successor for 10 seconds, everything else ends the sign-in.
// 100 series of up to 16 steps, or as many as -rapid.checks and PROPERTY_STEPS say.
func TestSignInsFollowTheModel(t *testing.T) {
	t.Parallel()
	longest := 16
	if n, err := strconv.Atoi(os.Getenv("PROPERTY_STEPS")); err == nil && n > 0 {
		longest = n
	}
	f := setup(t)
	f.now.Store(f.clock().Truncate(time.Second).UnixNano()) // what is stored keeps no nanoseconds
	salt := []byte("salt of the test")
	f.world.Exec("UPDATE agents SET password_hash = $1", fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, // made for little work
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))))
	rapid.Check(t, func(r *rapid.T) {
		m := &signIns{t: t, fixture: f, ended: f.world.Int("SELECT count(*) FROM events WHERE kind = 'SESSION_ENDED'")}
		m.login(r)
		for range rapid.IntRange(longest/2, longest).Draw(r, "steps") {
			m.step(r)
		}
		if n := f.world.Int("SELECT count(*) FROM events WHERE kind = 'SESSION_ENDED'"); n != m.ended {
			r.Fatalf("%d sign-ins have ended, the model says %d", n, m.ended)
		}
	})
}

// signIns is what the rules say of every token that was given.
type signIns struct {
	*fixture
	t      *testing.T
	tokens []*modelToken
	ended  int64 // sign-ins, in the events
}

type modelToken struct {
	pair      auth.Pair
	session   *modelSession
	expires   time.Time
	spent     time.Time // zero: not yet
	nonce     string
	successor *modelToken
}

type modelSession struct{ over bool }

func (m *signIns) step(r *rapid.T) {
	switch rapid.SampledFrom([]string{"refresh", "refresh the newest", "repeat", "wait", "wait again", "access", "logout", "login"}).Draw(r, "step") {
	case "refresh":
		m.renew(r, rapid.SampledFrom(m.tokens).Draw(r, "token"), drawNonce(r))
	case "refresh the newest":
		m.renew(r, m.tokens[len(m.tokens)-1], drawNonce(r))
	case "repeat":
		for _, token := range slices.Backward(m.tokens) {
			if !token.spent.IsZero() {
				m.renew(r, token, token.nonce)
				return
			}
		}
	case "wait", "wait again":
		waits := []time.Duration{time.Second, 9 * time.Second, 11 * time.Second, 16 * time.Minute, 31 * 24 * time.Hour}
		m.pass(rapid.SampledFrom(waits).Draw(r, "time"))
	case "access":
		m.access(r)
	case "logout":
		m.logout(r)
	case "login":
		m.login(r)
	}
}

func (m *signIns) add(pair auth.Pair, session *modelSession) *modelToken {
	added := &modelToken{pair: pair, session: session, expires: m.clock().Add(30 * 24 * time.Hour)}
	m.tokens = append(m.tokens, added)
	return added
}

func (m *signIns) login(r *rapid.T) {
	pair, err := m.fixture.login()
	if err != nil {
		r.Fatal(err)
	}
	m.add(pair, &modelSession{})
}

func drawNonce(r *rapid.T) string {
	return rapid.SampledFrom([]string{nonce, "a-nonce-of-another-one", "too short", ""}).Draw(r, "nonce")
}

func (m *signIns) renew(r *rapid.T, token *modelToken, given string) {
	pair, err := m.Refresh(m.t.Context(), token.pair.Refresh, given)
	now := m.clock()
	same := len(given) >= 16 && token.nonce == given && now.Sub(token.spent) <= 10*time.Second
	switch {
	case token.session.over || !now.Before(token.expires):
		m.refused(r, "an ended or expired token", err)
	case token.spent.IsZero():
		if err != nil || m.given(pair.Refresh) {
			r.Fatalf("a live token: %v, or a successor that was given before", err)
		}
		token.spent, token.nonce, token.successor = now, given, m.add(pair, token.session)
	case same:
		if err != nil || pair.Refresh != token.successor.pair.Refresh {
			r.Fatalf("the same client after %s: another successor, or %v", now.Sub(token.spent), err)
		}
	default:
		m.refused(r, "a spent token", err)
		m.end(token.session)
	}
}

func (m *signIns) logout(r *rapid.T) {
	token := rapid.SampledFrom(m.tokens).Draw(r, "token")
	if err := m.Logout(m.t.Context(), token.pair.Refresh); err != nil {
		r.Fatal(err)
	}
	m.end(token.session)
}

func (m *signIns) end(session *modelSession) {
	if !session.over {
		session.over = true
		m.ended++
	}
}

func (m *signIns) refused(r *rapid.T, what string, err error) {
	if !fault.Is(err, fault.Unauthenticated) {
		r.Fatalf("%s: %v, want UNAUTHENTICATED", what, err)
	}
}

func (m *signIns) given(refresh string) bool {
	for _, token := range m.tokens {
		if token.pair.Refresh == refresh {
			return true
		}
	}
	return false
}

// access asks with one access token, drawn among all, whether it is taken: until it expires, half a minute of leeway included, and its sign-in ends.
func (m *signIns) access(r *rapid.T) {
	token := rapid.SampledFrom(m.tokens).Draw(r, "access of")
	_, _, err := m.Authenticate(m.t.Context(), auth.Credentials{Bearer: token.pair.Access})
	alive := !token.session.over && m.clock().Before(token.pair.Expires.Add(30*time.Second))
	if alive != (err == nil) || err != nil && !fault.Is(err, fault.Unauthenticated) {
		r.Fatalf("an access token of a sign-in that is over: %v, %s before it expires: %v", token.session.over, token.pair.Expires.Sub(m.clock()), err)
	}
}
