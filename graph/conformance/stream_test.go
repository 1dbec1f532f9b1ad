package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// events opens conversationEvents as an event stream and returns its data, one response each.
func (s *stack) events(ctx context.Context, token, after string) <-chan map[string]any {
	s.t.Helper()
	body := `{"query":"subscription($a: Cursor) { conversationEvents(after: $a) { __typename ... on ConversationEvent { cursor kind conversation { lastSeq preview contact { name } } } } }","variables":{"a":` + after + `}}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	check(s.t, err)
	r.Header = bearer(token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	check(s.t, err)
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("status %d", response.StatusCode)
	}
	data := make(chan map[string]any, 100)
	go func() {
		defer close(data)
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok && text != "" {
				var got struct {
					Data struct{ ConversationEvents map[string]any }
				}
				if json.Unmarshal([]byte(text), &got) == nil {
					data <- got.Data.ConversationEvents
				}
			}
		}
	}()
	return data
}

func TestEventStreamResumes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	account := s.tenant.Account("Support", nil)
	conversation := s.tenant.Conversation(account)
	s.agent("ann", inbox.RoleAgent)
	token, phone := s.login("ann"), s.tenant.PhoneOf(conversation)
	write := func(text string) {
		t.Helper()
		check(t, errors.Join(s.ingest.Ingest(t.Context(), []inbox.Request{inboxtest.Text(account, phone, text)})...))
	}
	next := func(from <-chan map[string]any, want string) string {
		t.Helper()
		select {
		case got := <-from:
			node, _ := got["conversation"].(map[string]any)
			if node["preview"] != want {
				t.Fatalf("got %v, want %q", got, want)
			}
			return got["cursor"].(string)
		case <-time.After(10 * time.Second):
			t.Fatalf("%q did not come", want)
		}
		return ""
	}
	start := s.ask(bearer(token), "{ conversations(first: 1) { cursor } }", nil).at("conversations.cursor").(string)
	ctx, cut := context.WithCancel(t.Context())
	first := s.events(ctx, token, `"`+start+`"`)
	write("one")
	cursor := next(first, "one")
	cut()
	write("two")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	second := s.events(ctx, token, `"`+cursor+`"`)
	next(second, "two")
	unknown := s.events(ctx, token, `"nonsense"`)
	if got := <-unknown; got["__typename"] != "Resync" {
		t.Errorf("R41: a cursor that cannot be read gives %v", got)
	}
}

// H11: an operation that cannot go on is given up in time.
func TestSlowOperationIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	conversation := s.tenant.Conversation(s.tenant.Account("Support", nil))
	s.agent("ann", inbox.RoleAgent)
	token := s.login("ann")
	release := s.hold(conversation)
	got := s.ask(bearer(token), `mutation($id: ID!) { claimConversation(input: {conversationId: $id}) { conversation { id } } }`,
		map[string]any{"id": conversation})
	if got.code() != "UNAVAILABLE" { // though the row is held still
		t.Error(got.raw)
	}
	release()
}

// hold locks a conversation's row until the returned function is called.
func (s *stack) hold(conversation uuid.UUID) (release func()) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.OwnerURL)
	check(s.t, err)
	tx, err := conn.Begin(s.t.Context())
	check(s.t, err)
	_, err = tx.Exec(s.t.Context(), "SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE", conversation)
	check(s.t, err)
	return func() {
		check(s.t, tx.Rollback(s.t.Context()))
		check(s.t, conn.Close(s.t.Context()))
	}
}
