package attack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// newShop returns an installation whose API serves, with one shop whose admin has signed in.
func newShop(t *testing.T, vars ...string) (*stage, *shop) {
	t.Helper()
	s := newStage(t, vars...)
	n := s.shop("shop-a")
	n.signIn()
	return s, n
}

// anotherKey returns one more API key, which may have as many sockets again.
func (n *shop) anotherKey() string {
	n.s.t.Helper()
	key, hash := auth.NewAPIKey(n.ID)
	n.s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'more', $3, $4, now())`,
		n.ID.UUID(), inboxtest.NewID(), hash, []string{string(inbox.ScopeRead)})
	return key
}

// crowd opens so many sockets that have said who they are, by as many keys as that takes. The caller closes them.
func (n *shop) crowd(wanted int) (open []*websocket.Conn) {
	n.s.t.Helper()
	const perKey = 20
	keys := make(chan string, wanted)
	for i := 0; i < wanted; i += perKey {
		key := n.anotherKey()
		for range min(perKey, wanted-i) {
			keys <- key
		}
	}
	close(keys)
	var mu sync.Mutex
	var dialers sync.WaitGroup
	for range 10 { // fewer at a time than one address may have before they say who they are
		dialers.Go(func() {
			for key := range keys {
				conn, err := n.dial(key)
				mu.Lock()
				if err != nil {
					n.s.t.Errorf("socket %d: %v", len(open), err)
				} else {
					open = append(open, conn)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	dialers.Wait()
	if len(open) != wanted {
		n.s.t.Fatalf("%d of %d sockets are open", len(open), wanted)
	}
	return open
}

// spread tells half and 99 of 100 of the times.
func spread(took []time.Duration) string {
	if len(took) == 0 {
		return "nothing"
	}
	sorted := slices.Sorted(slices.Values(took))
	half, most := sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	return fmt.Sprintf("half within %v, 99 of 100 within %v", half.Round(10*time.Microsecond), most.Round(10*time.Microsecond))
}

// heard is what a reader was told: how long after it was written each message came, and what went wrong.
type heard struct {
	took []time.Duration
	err  error
}

// beside follows the only conversation, and tells whether it was told of so many large messages, each once and in their order.
func (n *shop) beside(messages int) <-chan heard {
	n.s.t.Helper()
	conn, err := n.dial(n.key)
	n.s.must(err)
	n.s.t.Cleanup(func() { _ = conn.Close() }) // the one that is open when the others are cut off
	id := n.one("SELECT id::text FROM conversations WHERE tenant_id = $1")
	document := `subscription { messageEvents(conversationId: "` + id + `") { ... on MessageEvent { message { text } } } }`
	n.s.must(conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":{"query":%q}}`, document)))
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	told, begun := make(chan heard, 1), make(chan struct{})
	go func() {
		var out heard
		message, err := follows(conn, begun)
		for i := range messages {
			if i > 0 {
				_, message, err = conn.ReadMessage()
			}
			// In any other message it finds no number.
			nanoseconds, wrong := strconv.ParseInt(find(string(message), fmt.Sprint(`"no `, i, ` (\d+) x`)), 10, 64)
			if err != nil || wrong != nil {
				out.err = fmt.Errorf("instead of message %d it is told %.200s, %w", i, message, err)
				break
			}
			out.took = append(out.took, time.Since(time.Unix(0, nanoseconds)))
		}
		told <- out
	}()
	for i := 0; ; i++ {
		n.write(fmt.Sprint("wamid.early", i), "4915112345678", "Kim", "early")
		select {
		case <-begun:
			return told
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// follows tells when the connection is told of anything, which is when its subscription has begun, and returns the first message that is not an early one.
func follows(conn *websocket.Conn, begun chan struct{}) (message []byte, err error) {
	for first := true; ; first = false {
		_, message, err = conn.ReadMessage()
		if first {
			close(begun)
		}
		if err != nil || !strings.Contains(string(message), `"early"`) && !strings.Contains(string(message), `"no -`) {
			return message, err
		}
	}
}
