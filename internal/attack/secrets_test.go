package attack

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// alertPath is the part of the tenant's alert URL that only those may know who post there.
const alertPath = "CANARY-ALERT-PATH-51c1"

// TestSecretsAreNowhere lives a day with the whole installation at DEBUG and failing sends, and then looks for every secret in all that it
// leaves behind: logs, answers, close reasons, metrics, Redis, a plain dump of the database, what its sessions show, and the stacks of a crash. (R60, H15, H10)
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "META_GRAPH_BASE_URL=http://127.0.0.1:9") // nobody answers there: every send fails and is logged
	worker := s.start("work")
	n := s.shop("shop-a")
	code, out := s.run("tenant", "alerts", "--tenant", n.Slug, "--url", "https://alerts.invalid/"+alertPath)
	signing, err := base64.StdEncoding.DecodeString(find(out, `whsec_([A-Za-z0-9+/=]+)`))
	if code != 0 || err != nil || len(signing) < 20 {
		t.Fatalf("the alert URL is set with %d %s %v", code, out, err)
	}
	day := newScript(n)
	day.run(len(steps()), nil)
	secrets := map[string]string{
		"password": password, "app secret": appSecret, "verify token": verifyToken, "access token of the provider": accessToken,
		"API key": n.key, "JWT": n.bearer, "refresh token": n.refresh, "refresh token that was spent": day.known["spent"],
		"successor of it": day.known["successor"], "database URL": withPassword(s.AppURL, "", pgPassword), "Redis URL": s.redis,
		"database password": pgPassword, "Redis password": redisWord, "signing secret of alerts": string(signing), "alert URL": alertPath,
	}
	for name, key := range map[string]string{"KEK": newKey("k1", 1), "JWT key": newKey("j1", 2), "file key": newKey("f1", 3)} {
		secrets[name] = key[3:]
	}
	s.eventually("a send has failed", func() bool {
		return s.Int("SELECT count(*) FROM delivery_attempts WHERE tenant_id = $1 AND finished_at IS NOT NULL", n.ID.UUID()) > 0
	})
	s.eventually("an alert was posted, and not taken", func() bool { return strings.Contains(worker.out.String(), "alert URL did not take an alert") })
	places := map[string]string{
		"answers to what is wrong": n.provoke(), "answers to every operation": n.everything(), "close reasons": n.closings(), "Redis": s.redisDump(),
		"the database's dump": s.dump(), "pg_stat_activity": n.one("SELECT string_agg(query, ';') FROM pg_stat_activity WHERE datname = current_database() AND $1::uuid IS NOT NULL"),
	}
	_, places["metrics of the API"] = s.get(s.api.admin + "/metrics")
	_, places["metrics of the worker"] = s.get(worker.admin + "/metrics")
	s.must(worker.cmd.Process.Signal(syscall.SIGQUIT)) // what a crash leaves: every stack with its arguments
	<-worker.ended
	places["log of the API"], places["log and stacks of the worker"] = s.api.out.String(), worker.out.String()
	for name, value := range secrets {
		if strings.Contains(name, "refresh token") && !strings.HasPrefix(value, "rt_") {
			t.Errorf("%s: the day kept %q", name, value)
		}
	}
	for where, text := range places {
		if len(text) < 20 {
			t.Errorf("%s: there is nothing to look through: %q", where, text)
		}
		for name, value := range secrets {
			if name == "alert URL" && where == "the database's dump" {
				continue // an address is stored in the clear, as others of the tenant's settings; what it is signed with is sealed
			}
			for form, hidden := range formsOf(value) {
				if i := strings.Index(text, hidden); i >= 0 {
					t.Errorf("%s: the %s%s stands there: …%s…", where, name, form, text[max(0, i-80):min(len(text), i+20)])
				}
			}
		}
	}
	if !strings.Contains(places["log and stacks of the worker"], "goroutine ") || !strings.Contains(places["answers to every operation"], "The Shop") ||
		!strings.Contains(places["the database's dump"], "The Shop") || !strings.Contains(places["log of the API"], `"level":"DEBUG"`) {
		t.Error("the places are not what they are taken for")
	}
}

// formsOf returns what a secret looks like where it may stand; a dump writes what a column of bytes holds in hex.
func formsOf(value string) map[string]string {
	bytes := []byte(value)
	return map[string]string{
		"": value, " in base64": base64.StdEncoding.EncodeToString(bytes), " in an address": url.QueryEscape(value), " in hex": hex.EncodeToString(bytes),
	}
}

// everything returns the answers to every operation with every field; only those that hand out tokens are left out.
func (n *shop) everything() string {
	all, _ := operations(n.s.t, readSchema(n.s.t))
	w := &walk{t: n.s.t, s: n.s, a: n, own: n.own()}
	text := ""
	for _, op := range all {
		switch {
		case op.field.Name == "login" || op.field.Name == "refresh":
		case op.root == ast.Subscription:
			text += w.follow(op, w.variables(op))
		default:
			text += n.ask("ada", op.document, w.variables(op))
		}
	}
	return text
}

// provoke collects the answers to requests that carry secrets where they do not belong.
func (n *shop) provoke() string {
	n.s.t.Helper()
	text := ""
	for _, query := range []string{"{ viewer { tenant { id } } " + n.key, `{ conversation(id: "` + n.key + `") { id } }`, "{ " + accessToken, `mutation { logout(input: {refreshToken: 7}) { ok } }`} {
		answer := n.ask("nobody", query, nil)
		text += strings.ReplaceAll(answer, `\"`, `"`)
	}
	for _, header := range []string{"Bearer " + n.bearer + "x", "Basic " + n.key, "Bearer " + appSecret} {
		r := n.request("nobody", "{ viewer { tenant { id } } }", nil)
		r.Header.Set("Authorization", header)
		_, answer := send(n.s.t, r)
		text += answer
	}
	_, answer := n.s.get(n.s.api.url + "/webhooks/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + verifyToken + "x")
	return text + answer
}

// closings collects what sockets are told when they are closed for a bad credential or a bad message.
func (n *shop) closings() string {
	n.s.t.Helper()
	text := ""
	for _, first := range []string{
		`{"type":"connection_init","payload":{"apiKey":"` + n.key + `x"}}`, `{"type":"connection_init","payload":{"authorization":"` + n.bearer + `"}}`,
		`{"type":"` + n.key[:36] + `"}`, `{"type":"connection_init","payload":{"apiKey":["` + n.key + `"]}}`,
	} {
		dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
		conn, response, err := dialer.DialContext(n.s.t.Context(), "ws"+strings.TrimPrefix(n.s.api.url, "http")+"/graphql", nil)
		n.s.must(err)
		_ = response.Body.Close()
		n.s.must(conn.WriteMessage(websocket.TextMessage, []byte(first)))
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		for err == nil {
			var message []byte
			_, message, err = conn.ReadMessage()
			text += string(message)
		}
		text += err.Error() + "\n"
		_ = conn.Close()
	}
	return text
}

// redisDump returns every key of Redis with its serialised value, in the clear: what is packed hides a long secret amid other text.
func (s *stage) redisDump() string {
	s.t.Helper()
	options, err := redis.ParseURL(s.redis)
	s.must(err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	s.must(client.ConfigSet(s.t.Context(), "rdbcompression", "no").Err())
	probe := `{"token":"` + strings.Repeat("eyJhbGciOiJFZERTQSJ9.", 10) + `"}`
	s.must(client.Set(s.t.Context(), "probe", probe, time.Minute).Err())
	text := ""
	for keys := client.Scan(s.t.Context(), 0, "*", 1000).Iterator(); keys.Next(s.t.Context()); {
		value, err := client.Dump(s.t.Context(), keys.Val()).Result()
		if err == nil {
			text += keys.Val() + " " + value + "\n"
		}
	}
	if !strings.Contains(text, probe) {
		s.t.Fatalf("a token that stands in Redis is not found in %q", text)
	}
	return text
}

// dump returns the database as pg_dump writes it in the clear.
func (s *stage) dump() string {
	s.t.Helper()
	command, err := embedded.PostgresTool(s.t.Context(), "pg_dump", "--dbname="+s.OwnerURL, "--inserts")
	s.must(err)
	out, err := command.Output()
	s.must(err)
	return string(out)
}
