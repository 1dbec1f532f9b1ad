package attack

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// open asks for a socket at the host as a page of the origin does, tells its credential, and returns the upgrade's status and the first
// answer, or how the socket was closed.
func (n *shop) open(host, origin, credential string) (status int, answer string) {
	n.s.t.Helper()
	header := http.Header{"Host": {host}}
	if origin != "" {
		header.Set("Origin", origin)
	}
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(n.s.t.Context(), "ws"+strings.TrimPrefix(n.s.api.url, "http")+"/graphql", header)
	if response != nil {
		status = response.StatusCode
		_ = response.Body.Close()
	}
	if err != nil {
		return status, ""
	}
	defer func() { _ = conn.Close() }()
	n.s.must(conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_init","payload":`+credential+`}`)))
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, message, err := conn.ReadMessage()
	if err != nil {
		return status, err.Error()
	}
	return status, string(message)
}

// TestPagesOfOthersOpenNoSocket opens sockets from pages of other sites, with the victim's own token: the upgrade is refused, also to
// another tenant's subdomain. A program without an origin is let in by an API key only. (H5)
func TestPagesOfOthersOpenNoSocket(t *testing.T) {
	t.Parallel()
	_, n := newShop(t, "SWITCHBOARD_BASE_DOMAIN=desk.example", "SWITCHBOARD_ALLOWED_ORIGINS=https://inbox.shop.example")
	token, key := `{"authorization":"Bearer `+n.bearer+`"}`, `{"apiKey":"`+n.key+`"}`
	const own = "shop-a.desk.example"
	for _, origin := range []string{
		"https://evil.example", "null", "https://shop-b.desk.example", "https://desk.example", "https://shop-a.desk.example.evil.example",
		"https://shop-a.desk.example:8443", "https://evil-shop-a.desk.example", "https://inbox.shop.example:444", "http://inbox.shop.example",
		"https://sub.inbox.shop.example", "file://",
	} {
		if status, answer := n.open(own, origin, token); status != http.StatusForbidden || answer != "" {
			t.Errorf("a page of %s: %d %s", origin, status, answer)
		}
	}
	for _, origin := range []string{"https://shop-a.desk.example", "https://inbox.shop.example"} {
		if status, answer := n.open(own, origin, token); status != http.StatusSwitchingProtocols || !strings.Contains(answer, "connection_ack") {
			t.Errorf("the app's own page at %s: %d %s", origin, status, answer)
		}
	}
	// R55: the host names another tenant than the token does.
	if status, answer := n.open("shop-b.desk.example", "https://shop-b.desk.example", token); status == http.StatusSwitchingProtocols && !strings.Contains(answer, "4403") {
		t.Errorf("at another tenant's host: %d %s", status, answer)
	}
	if _, answer := n.open(own, "", token); !strings.Contains(answer, "4403") {
		t.Errorf("a token without an origin: %s", answer)
	}
	if _, answer := n.open(own, "", key); !strings.Contains(answer, "connection_ack") {
		t.Errorf("an API key without an origin: %s", answer)
	}
}
