package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/demo"
)

// startDev starts `dev` in the directory on free ports and returns when it is ready.
func startDev(t *testing.T, dir string, vars ...string) (*process, facts) {
	t.Helper()
	file := filepath.Join(dir, "dev.json")
	_ = os.Remove(file)
	began := time.Now()
	vars = append(vars, "PORT=0", "ADMIN_ADDR=127.0.0.1:0", "SIMULATOR_ADDR=127.0.0.1:0", "SWITCHBOARD_DATA_DIR="+dir)
	p := start(t, environ(vars...), "dev")
	var known facts
	eventually(t, p, "dev is ready", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &known) == nil
	})
	t.Logf("dev was ready after %v", time.Since(began).Round(time.Millisecond))
	return p, known
}

func signIn(t *testing.T, f facts, email string) string {
	t.Helper()
	got := query[struct{ Login struct{ AccessToken string } }](t, f.App, "",
		`mutation { login(input: {tenant: "`+f.Tenant+`", email: "`+email+`", password: "`+f.Password+`"}) { accessToken } }`)
	return got.Login.AccessToken
}

// previews returns what the list shows, newest first.
func previews(t *testing.T, f facts, token string) []string {
	t.Helper()
	type list struct {
		Conversations struct {
			Edges []struct {
				Node struct{ Status, Preview string }
			}
		}
	}
	var out []string
	for _, e := range query[list](t, f.App, token, `{ conversations(first: 100) { edges { node { status preview } } } }`).Conversations.Edges {
		out = append(out, e.Node.Status+" "+e.Node.Preview)
	}
	return out
}

// TestDevStory is a first day with the product: start, sign in, a customer writes, stop, start, crash, start; nothing is lost.
func TestDevStory(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "switchboard-dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, f := startDev(t, dir)
	for _, part := range []string{f.App, f.Simulator, f.APIKey, demo.Password, "mira@demo.example", "/readyz"} {
		if part == "" || !strings.Contains(p.out.String(), part) {
			t.Errorf("the banner does not show %q", part)
		}
	}
	if status, _ := request(t, http.MethodGet, f.Admin+"/readyz", "", nil); status != http.StatusOK {
		t.Errorf("ready says %d", status)
	}
	token := signIn(t, f, "jonas@demo.example")
	told := previews(t, f, token)
	for _, status := range []string{"OPEN", "SNOOZED", "RESOLVED"} {
		if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, status) }) {
			t.Errorf("no demo conversation is %s: %q", status, told)
		}
	}
	if code, out := finish(t, environ("DATABASE_URL="+f.Database), "", "verify"); code != 0 {
		t.Errorf("verify ends with %d:\n%s", code, out)
	}
	writes(t, p, f, token, "Is anybody there?")
	closed := listens(t, f, token)
	if code, took := p.end(syscall.SIGTERM); code != 0 || took > 30*time.Second {
		t.Errorf("SIGTERM: exit code %d after %v", code, took)
	}

	if code := <-closed; code != websocket.CloseGoingAway {
		t.Errorf("the socket was closed with %d", code)
	}

	p, f = startDev(t, dir)
	token = signIn(t, f, "jonas@demo.example")
	if again := previews(t, f, token); len(again) != len(told)+1 || again[0] != "OPEN Is anybody there?" {
		t.Errorf("after a restart the list is %q", again)
	}
	writes(t, p, f, token, "And now?")
	p.end(syscall.SIGKILL)

	p, f = startDev(t, dir)
	token = signIn(t, f, "jonas@demo.example")
	if again := previews(t, f, token); len(again) != len(told)+1 || again[0] != "OPEN And now?" {
		t.Errorf("after a crash the list is %q", again)
	}
	if code, out := finish(t, environ("DATABASE_URL="+f.Database), "", "verify"); code != 0 {
		t.Errorf("verify ends with %d:\n%s", code, out)
	}
	if code, _ := p.end(syscall.SIGINT); code != 0 {
		t.Errorf("SIGINT: exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "dev.json")); err == nil {
		t.Error("dev.json tells of a process that has ended")
	}
}

// listens opens a socket with a subscription and returns the code that it will be closed with.
func listens(t *testing.T, f facts, token string) <-chan int {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: 10 * time.Second}
	conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(f.App, "http")+"/graphql", http.Header{"Origin": {f.App}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), response.Body.Close() })
	for _, message := range []string{
		`{"type":"connection_init","payload":{"authorization":"Bearer ` + token + `"}}`,
		`{"id":"1","type":"subscribe","payload":{"query":"subscription { unreadCountEvents { __typename } }"}}`,
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := conn.ReadMessage(); err != nil || strings.Contains(string(answer), "error") {
			t.Fatalf("%s, %v", answer, err)
		}
	}
	closed := make(chan int, 1)
	go func() {
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				var closing *websocket.CloseError
				_ = errors.As(err, &closing)
				if closing == nil {
					closing = &websocket.CloseError{}
				}
				closed <- closing.Code
				return
			}
		}
	}()
	return closed
}

// writes lets a new customer write, and waits until the agent sees it.
func writes(t *testing.T, p *process, f facts, token, text string) {
	t.Helper()
	to := f.Simulator + "/api/customers/" + url.PathEscape("+447700900999") + "/messages"
	status, body := request(t, http.MethodPost, to, "", map[string]string{"account": demo.Numbers()[0].Ref, "name": "Robin", "text": text})
	if status != http.StatusCreated {
		t.Fatalf("the simulator answers %d %s", status, body)
	}
	eventually(t, p, "the message is in the inbox", func() bool { return slices.Contains(previews(t, f, token), "OPEN "+text) })
}

// TestDevResumesItsStory kills the process while the demo is being told: the next start tells the rest, and nothing twice.
func TestDevResumesItsStory(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "switchboard-dev-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := start(t, environ("PORT=0", "ADMIN_ADDR=127.0.0.1:0", "SIMULATOR_ADDR=127.0.0.1:0", "SWITCHBOARD_DATA_DIR="+dir), "dev")
	journal := func() string { text, _ := os.ReadFile(filepath.Join(dir, "switchboard.log")); return string(text) }
	eventually(t, p, "the story has begun", func() bool { return strings.Count(journal(), `"route":"/webhooks/meta"`) > 12 })
	p.end(syscall.SIGKILL)
	_, f := startDev(t, dir)
	if got := len(previews(t, f, signIn(t, f, "amara@demo.example"))); got != len(demo.Customers()) {
		t.Errorf("%d conversations, want one of each of %d customers", got, len(demo.Customers()))
	}
	type counts struct {
		Conversations struct {
			Edges []struct {
				Node struct {
					Messages struct {
						Edges []struct{ Node struct{ Text string } }
					}
				}
			}
		}
	}
	seen := map[string]int{}
	token := signIn(t, f, "amara@demo.example")
	for _, c := range query[counts](t, f.App, token, `{ conversations(first: 20) { edges { node { messages(last: 12) { edges { node { text } } } } } } }`).Conversations.Edges {
		for _, m := range c.Node.Messages.Edges {
			seen[m.Node.Text]++
		}
	}
	for text, n := range seen {
		retried := strings.HasPrefix(text, "Yes, until tonight")
		if text != "" && n > 1 && !retried || retried && n != 2 {
			t.Errorf("%q is there %d times", text, n)
		}
	}
	if code, out := finish(t, environ("DATABASE_URL="+f.Database), "", "verify"); code != 0 {
		t.Errorf("verify ends with %d:\n%s", code, out)
	}
}

// A start that is refused because another runs in the directory leaves that one's facts alone.
func TestDevLeavesTheFactsOfOneThatRuns(t *testing.T) {
	e := environment{DataDir: t.TempDir()}
	first, err := newDevelopment(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(first.facts(), []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	second, err := newDevelopment(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.facts()); err != nil {
		t.Errorf("the second start took away what the first wrote: %v", err)
	}
	for _, d := range []*development{second, first} {
		if err := d.logFile.Close(); err != nil {
			t.Fatal(err)
		}
	}
	third, err := newDevelopment(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = third.logFile.Close() }()
	if _, err := os.Stat(first.facts()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed one left is still there: %v", err)
	}
}
