package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// agent is a signed-in person; the key of a tenant is used through one without an address.
type agent struct {
	w      *world
	tenant *tenant
	email  string
	id     string
	random *dice

	mu    sync.Mutex
	token string
	since time.Time
}

// answer is what came back of a GraphQL request.
type answer struct {
	Data   map[string]json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
}

// code returns "" for a good answer, a code for a refusal, and "NONE" when there is no answer that can be read.
func (a answer) code() string {
	switch {
	case len(a.Errors) > 0:
		return a.Errors[0].Extensions.Code
	case a.Data == nil:
		return "NONE"
	}
	return ""
}

// certain reports whether a refusal proves that nothing was done.
func certain(code string) bool {
	switch code {
	case "INVALID", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "ALREADY_CLAIMED", "REPLY_WINDOW_CLOSED", "IDEMPOTENCY_KEY_REUSED":
		return true
	}
	return false
}

// query asks one of the servers. It never fails: no answer is one, too.
func (w *world) query(d *dice, header, credential, text string, variables map[string]any) answer {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	body, _ := json.Marshal(map[string]any{"query": text, "variables": variables}) // plain values always marshal
	address := "http://" + w.public[d.n(len(w.public))] + "/graphql"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return answer{}
	}
	r.Header.Set("Content-Type", "application/json")
	if header != "" {
		r.Header.Set(header, credential)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}
	}
	defer func() { _ = response.Body.Close() }()
	var a answer
	if json.NewDecoder(response.Body).Decode(&a) != nil {
		return answer{}
	}
	if a.code() == "INTERNAL" {
		w.defects.Add(1)
	}
	return a
}

// bearer signs in when it has to. It returns "" when that does not succeed now.
func (a *agent) bearer() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && time.Since(a.since) < 45*time.Minute {
		return "Bearer " + a.token
	}
	got := a.w.query(a.random, "", "", `mutation ($i: LoginInput!) { login(input: $i) { accessToken } }`,
		map[string]any{"i": map[string]any{"tenant": a.tenant.slug, "email": a.email, "password": password}})
	var login struct{ AccessToken string }
	if got.code() != "" || json.Unmarshal(got.Data["login"], &login) != nil {
		return ""
	}
	a.token, a.since = login.AccessToken, time.Now()
	a.w.secret.add(a.token)
	return "Bearer " + a.token
}

func (a *agent) query(text string, variables map[string]any) answer {
	bearer := a.bearer()
	if bearer == "" {
		return answer{}
	}
	got := a.w.query(a.random, "Authorization", bearer, text, variables)
	if got.code() == "UNAUTHENTICATED" { // signed by a clock that was ahead, perhaps
		a.forget(bearer)
	}
	return got
}

// forget signs in anew next time.
func (a *agent) forget(bearer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bearer == "Bearer "+a.token { // otherwise somebody has done so since
		a.token = ""
	}
}

// ask is a JSON request to the provider; it must succeed.
func (w *world) ask(method, address string, in, out any) {
	w.t.Helper()
	if err := w.tryAsk(method, address, in, out); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryAsk(method, address string, in, out any) error {
	body, _ := json.Marshal(in) // plain values always marshal
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s answers %d", method, address, response.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
