package attack

import (
	"bufio"
	"context"
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
// nothing any more. (H8)
func TestAKeyThatExpiresEndsWhatItOpened(t *testing.T) {
	t.Parallel()
	s, n := newShop(t)
	key, hash := auth.NewAPIKey(n.ID)
	s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, 'short', $3, $4, now(), now() + interval '8 s')`,
		n.ID.UUID(), inboxtest.NewID(), hash, []string{string(inbox.ScopeRead)})
	const document = `subscription { conversationEvents { ... on ConversationEvent { conversation { id } } } }`

	conn, err := n.dial(key)
	s.must(err)
	defer func() { _ = conn.Close() }()
	s.must(conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":{"query":%q}}`, document)))
	patient, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	r := n.request("nobody", document, nil).WithContext(patient)
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	s.must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the event stream is answered with %d", response.StatusCode)
	}

	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, text, err := conn.ReadMessage(); !websocket.IsCloseError(err, 4403) {
		t.Errorf("the socket was told %s and ended with %v, want closed with 4403", text, err)
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
	}
	if patient.Err() != nil {
		t.Error("the event stream outlives its key")
	}
	if again, err := n.dial(key); err == nil {
		_ = again.Close()
		t.Error("an expired key opens a socket")
	}
}
