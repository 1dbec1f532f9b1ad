package attack

import (
	"bufio"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestAKeyThatExpiresEndsWhatItOpened opens a socket and an event stream with a key that has an end: both are cut at it, and the key opens
// nothing any more. A key that ends before both are open is followed by one that lives longer. (H8)
func TestAKeyThatExpiresEndsWhatItOpened(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	for _, life := range []time.Duration{4 * time.Second, 20 * time.Second, 90 * time.Second} {
		key := n.shortKey(life)
		conn, response := n.follows(key)
		if response == nil {
			continue
		}
		defer response.Body.Close()
		_ = conn.SetReadDeadline(time.Now().Add(life + 30*time.Second))
		if _, text, err := conn.ReadMessage(); !websocket.IsCloseError(err, 4403) {
			t.Errorf("the socket was told %s and ended with %v, want closed with 4403", text, err)
		}
		overdue := time.AfterFunc(life+30*time.Second, func() {
			t.Error("the event stream outlives its key")
			_ = response.Body.Close()
		})
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		}
		overdue.Stop()
		if again, err := n.dial(key); err == nil {
			_ = again.Close()
			t.Error("an expired key opens a socket")
		}
		return
	}
	s.t.Fatal("no key lived until a socket and an event stream were open")
}

// shortKey returns an API key that ends after so long.
func (n *shop) shortKey(life time.Duration) string {
	n.s.t.Helper()
	key, hash := auth.NewAPIKey(n.ID)
	n.s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, 'short', $3, $4, now(), now() + $5)`,
		n.ID.UUID(), inboxtest.NewID(), hash, []string{string(inbox.ScopeRead)}, life)
	return key
}

// follows has the key follow all conversations over a socket and over an event stream. There is no response when one of them did not open.
func (n *shop) follows(key string) (*websocket.Conn, *http.Response) {
	n.s.t.Helper()
	const document = `subscription { conversationEvents { ... on ConversationEvent { conversation { id } } } }`
	conn, err := n.dial(key)
	if err != nil {
		return nil, nil
	}
	n.s.t.Cleanup(func() { _ = conn.Close() })
	if conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":{"query":%q}}`, document)) != nil {
		return nil, nil
	}
	r := n.request("nobody", document, nil)
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	n.s.must(err)
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, nil
	}
	return conn, response
}
