package chaos

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// subscriber follows a tenant's conversations, or the messages of one of them, over sockets that are cut again and again, always from its
// last cursor.
type subscriber struct {
	w      *world
	tenant *tenant
	agent  *agent
	narrow bool // the messages of one conversation
	random *dice
	born   time.Time

	mu     sync.Mutex
	only   string // that conversation
	start  int64  // the event after which it began; -1: not begun
	cursor string
	seq    int64
	list   []told
	wrong  []string
	cuts   int
}

func newSubscriber(w *world, tn *tenant, a *agent, random *dice) *subscriber {
	return &subscriber{random: random, w: w, tenant: tn, agent: a, start: -1, born: time.Now()}
}

// run follows until stop is closed.
func (s *subscriber) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if s.begin() {
			s.follow(stop, s.random.between(300*time.Millisecond, 5*time.Second))
		}
		<-time.After(50 * time.Millisecond)
	}
}

// begin finds where to start, once: it reads first and subscribes from the cursor of what it read.
func (s *subscriber) begin() bool {
	if s.position() != "" {
		return true
	}
	got := s.agent.query(`{ conversations(first: 1) { cursor } }`, nil)
	var page struct{ Cursor string }
	if got.code() != "" || json.Unmarshal(got.Data["conversations"], &page) != nil {
		return false
	}
	parsed, ok := inbox.ParseCursor(page.Cursor)
	at, found := place{}, false
	if s.narrow {
		if at, found = s.w.load.busy(s.tenant); !found && time.Since(s.born) > 10*time.Second {
			at, found = s.w.load.somewhere(s.random, s.tenant)
		}
	}
	if !ok || found != s.narrow {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor, s.start, s.seq, s.only = page.Cursor, parsed.Seq, parsed.Seq, at.conversation
	return true
}

func (s *subscriber) position() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// follow takes events from one socket for a while.
func (s *subscriber) follow(stop <-chan struct{}, life time.Duration) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: 5 * time.Second}
	host := s.w.public[s.random.n(len(s.w.public))]
	conn, response, err := dialer.Dial("ws://"+host+"/graphql", http.Header{"Origin": {"http://" + host}})
	if err != nil {
		return
	}
	defer func() { _, _ = response.Body.Close(), conn.Close() }()
	over := make(chan struct{})
	defer close(over)
	go func() {
		timer := time.NewTimer(life)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop:
		case <-over:
			return
		}
		_ = conn.Close() // without a goodbye
	}()
	subscribe := map[string]any{"id": "1", "type": "subscribe", "payload": s.query()}
	for _, m := range []any{map[string]any{"type": "connection_init", "payload": map[string]string{"authorization": s.agent.bearer()}}, subscribe} {
		if conn.WriteJSON(m) != nil {
			return
		}
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(life + 20*time.Second))
		_, text, err := conn.ReadMessage()
		if err != nil {
			s.mu.Lock()
			s.cuts++
			s.mu.Unlock()
			return
		}
		if !s.take(text) {
			return
		}
	}
}

// query is what the subscriber asks for.
func (s *subscriber) query() map[string]any {
	if !s.narrow {
		return map[string]any{"variables": map[string]any{"after": s.position()}, "query": `subscription ($after: Cursor) {
			conversationEvents(after: $after) { __typename
				... on ConversationEvent { cursor kind conversationId messageId } ... on Resync { reason } } }`}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"variables": map[string]any{"after": s.cursor, "of": s.only}, "query": `subscription ($of: ID!, $after: Cursor) {
		messageEvents(conversationId: $of, after: $after) { __typename
			... on MessageEvent { cursor kind statusBefore statusAfter message { id } } ... on Resync { reason } } }`}
}

// item is one of what a subscriber may be told.
type item struct {
	Typename                                        string `json:"__typename"`
	Cursor, Kind, ConversationID, MessageID, Reason string
	StatusBefore, StatusAfter                       string
	Message                                         struct{ ID string }
}

// take reads one frame; false ends the socket.
func (s *subscriber) take(text []byte) bool {
	var frame struct {
		Type    string
		Payload struct {
			Data struct{ ConversationEvents, MessageEvents item }
		}
	}
	var kind struct{ Type string }
	if json.Unmarshal(text, &kind) != nil {
		s.complain("unreadable frame %s", text)
		return false
	}
	if kind.Type != "next" {
		return kind.Type != "error" && kind.Type != "complete" // the database may be away: come again
	}
	if err := json.Unmarshal(text, &frame); err != nil {
		s.complain("unreadable item %s", text)
		return false
	}
	item := frame.Payload.Data.ConversationEvents
	if s.narrow {
		item = frame.Payload.Data.MessageEvents
		item.MessageID = item.Message.ID
	}
	switch item.Typename {
	case "ConversationEvent", "MessageEvent":
	case "": // whoever keeps his last cursor would never see it
		s.complain("an error in the place of an item: %s", text)
		return false
	default:
		s.complain("%s %s", item.Typename, item.Reason)
		return false
	}
	cursor, ok := inbox.ParseCursor(item.Cursor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok || cursor.Seq <= s.seq {
		s.wrong = append(s.wrong, fmt.Sprintf("event %d after %d", cursor.Seq, s.seq))
	}
	s.seq, s.cursor = cursor.Seq, item.Cursor
	event := told{Seq: cursor.Seq, Kind: item.Kind, Conversation: item.ConversationID, Message: item.MessageID}
	if s.narrow {
		event.Conversation, event.Status = s.only, item.StatusBefore+">"+item.StatusAfter
	}
	s.list = append(s.list, event)
	return true
}

func (s *subscriber) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}
