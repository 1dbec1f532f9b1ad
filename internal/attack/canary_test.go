package attack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

const canary = "CANARY-B"

// plant puts the canary into every text and JSON column of the tenant's rows that takes it, and returns how many columns it sits in.
func (n *shop) plant() (columns int) {
	n.s.t.Helper()
	ctx := n.s.t.Context()
	conn, err := pgx.Connect(ctx, n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(ctx, `SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c
		WHERE c.table_schema = 'public' AND c.data_type IN ('text', 'jsonb') AND c.table_name <> 'tenants' OR c.table_name = 'tenants' AND c.column_name = 'name'
		ORDER BY 1, 2`)
	n.s.must(err)
	type column struct{ table, name, kind string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Name, Kind string }])
	n.s.must(err)
	for _, a := range all {
		c := column{a.Table, a.Name, a.Kind}
		value := fmt.Sprintf(`%s || '%s'`, pgx.Identifier{c.name}.Sanitize(), canary)
		if c.kind == "jsonb" {
			value = fmt.Sprintf(`CASE WHEN jsonb_typeof(%[1]s) = 'object' THEN %[1]s || '{"canary": "%[2]s"}' ELSE %[1]s END`, pgx.Identifier{c.name}.Sanitize(), canary)
		}
		// A column with a list of allowed values refuses; it cannot leak what it cannot hold.
		tag, err := conn.Exec(ctx, fmt.Sprintf("UPDATE %s SET %s = %s WHERE tenant_id = $1 AND %[2]s IS NOT NULL", pgx.Identifier{c.table}.Sanitize(),
			pgx.Identifier{c.name}.Sanitize(), value), n.ID.UUID())
		if err == nil && tag.RowsAffected() > 0 {
			columns++
		}
	}
	return columns
}

// ids returns up to two ids of every table's rows of the tenant.
func (n *shop) ids() (found []string) {
	n.s.t.Helper()
	ctx := n.s.t.Context()
	conn, err := pgx.Connect(ctx, n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(ctx, `SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'id' AND data_type = 'uuid'`)
	n.s.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	n.s.must(err)
	for _, table := range tables {
		rows, err := conn.Query(ctx, fmt.Sprintf("SELECT id::text FROM %s WHERE tenant_id = $1 ORDER BY id LIMIT 2", pgx.Identifier{table}.Sanitize()), n.ID.UUID())
		n.s.must(err)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		n.s.must(err)
		found = append(found, ids...)
	}
	return found
}

func (n *shop) one(sql string) string {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	var v string
	n.s.must(conn.QueryRow(n.s.t.Context(), sql, n.ID.UUID()).Scan(&v))
	return v
}

// own returns a value of the caller's for every argument of the schema, by its name; one that is not here fails the walk.
func (n *shop) own() map[string]any {
	conversation := n.one("SELECT id::text FROM conversations WHERE tenant_id = $1 ORDER BY id LIMIT 1")
	message := n.one("SELECT id::text FROM messages WHERE tenant_id = $1 AND direction = 'INBOUND' ORDER BY id LIMIT 1")
	return map[string]any{
		"id": conversation, "conversationId": conversation, "agentId": n.agents[0].String(), "upToMessageId": message, "messageId": message,
		"replyToMessageId": nil, "channelAccountId": n.account.String(), "teamId": n.one("SELECT id::text FROM teams WHERE tenant_id = $1"),
		"contactId": n.one("SELECT id::text FROM contacts WHERE tenant_id = $1 ORDER BY id LIMIT 1"),
		"status":    []string{"OPEN", "SNOOZED", "RESOLVED"}, "assignee": "ANY", "first": 5, "after": nil, "before": nil, "last": nil, "includeClosed": true,
		"until": "2099-01-01T00:00:00Z", "expectedLastSeq": nil, "idempotencyKey": nil, "text": "hello", "phone": "+4915112345678", "name": "order_ready",
		"language": "en", "header": nil, "body": nil, "correlationId": nil, "tenant": n.Slug, "email": "ada@shop.example", "password": "wrong horse battery",
		"refreshToken": "rt_none", "clientNonce": nil,
	}
}

// TestAnotherTenantIsNotThere walks through every operation of the schema as tenant A with each id, cursor and name of tenant B in each
// argument that takes one, and reads every field of every answer: B's canary is in none, and an id of B answers as one that nobody has.
// (R51)
func TestAnotherTenantIsNotThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a, b := s.shop("shop-a"), s.shop("shop-b")
	for _, n := range []*shop{a, b} {
		newScript(n).run(len(steps()), nil)
	}
	foreignKey := newScript(b).raw("ada", `{ conversations(first: 1) { cursor edges { cursor } } }`, nil)
	if columns := b.plant(); columns < 25 {
		t.Fatalf("the canary sits in %d columns only", columns)
	}
	if raw := b.ask("ada", `{ conversations { edges { node { preview contact { name } } } } }`, nil); !strings.Contains(raw, canary) {
		t.Fatalf("B itself does not see the canary: %s", raw)
	}
	ids, unknown := b.ids(), []string{inboxtest.NewID().String(), uuid.New().String()}
	cursors := regexp.MustCompile(`"cursor":"([^"]+)"`).FindAllStringSubmatch(foreignKey, -1)
	if len(ids) < 15 || len(cursors) != 2 {
		t.Fatalf("%d ids and %d cursors of B", len(ids), len(cursors))
	}
	schema := readSchema(t)
	all, selected := operations(t, schema)
	everyFieldIsSelected(t, schema, selected)
	w := &walk{t: t, s: s, a: a, own: a.own(), sent: &atomic.Int64{}, patience: 150 * time.Millisecond}
	for _, op := range all {
		w.defaults(op)
		for _, arg := range op.arguments {
			switch {
			case arg.kind.Name() == "ID":
				w.compareAll(op, arg, ids, unknown)
			case arg.path[len(arg.path)-1] == "after" || arg.path[len(arg.path)-1] == "before":
				w.send(op, arg, cursors[0][1])
				w.send(op, arg, cursors[1][1])
			case arg.path[len(arg.path)-1] == "idempotencyKey":
				w.send(op, arg, "key-1") // B has used it
			}
		}
	}
	for _, id := range ids {
		if status, text := s.get(s.api.url + "/files/" + id); status != http.StatusNotFound || strings.Contains(text, canary) {
			t.Errorf("/files/%s answers %d %s", id, status, text)
		}
	}
	for line := range strings.Lines(s.api.out.String()) {
		if strings.Contains(line, a.ID.String()) && (strings.Contains(line, canary) || strings.Contains(line, b.ID.String())) {
			t.Errorf("A's log tells of B: %s", line)
		}
	}
	t.Logf("%d requests, %d operations, %d fields selected", w.sent.Load(), len(all), len(selected))
}

// everyFieldIsSelected fails for a field of the schema that no document asks.
func everyFieldIsSelected(t *testing.T, schema *ast.Schema, selected map[string]bool) {
	t.Helper()
	for _, definition := range schema.Types {
		if definition.Kind != ast.Object || definition.BuiltIn || slices.Contains([]string{"Query", "Mutation", "Subscription"}, definition.Name) {
			continue
		}
		for _, field := range definition.Fields {
			if !strings.HasPrefix(field.Name, "__") && !selected[definition.Name+"."+field.Name] {
				t.Errorf("no document selects %s.%s", definition.Name, field.Name)
			}
		}
	}
}

// walk sends operations as A and looks at the answers.
type walk struct {
	t    *testing.T
	s    *stage
	a    *shop
	own  map[string]any
	sent *atomic.Int64
	// patience is how long an event stream is listened to.
	patience time.Duration
	pending  sync.WaitGroup
}

// variables returns A's own values for the operation.
func (w *walk) variables(op operation) map[string]any {
	variables := map[string]any{}
	for _, arg := range op.arguments {
		name := arg.path[len(arg.path)-1]
		value, known := w.own[name]
		if !known {
			w.t.Fatalf("%s has a new argument %s: give it a case in own()", op.field.Name, arg.name())
		}
		if op.field.Name == "contact" && name == "id" {
			value = w.own["contactId"]
		}
		if arg.path[0] == "filter" && name != "status" && name != "assignee" || op.field.Name == "sendMessage" && arg.path[1] == "template" {
			continue // set alone, when it is its turn
		}
		place(variables, arg.path, value)
	}
	return variables
}

// defaults sends the operation as it is meant: what it selects must be answered without a complaint about the document itself.
func (w *walk) defaults(op operation) {
	w.t.Helper()
	raw := w.do(op, w.variables(op))
	if strings.Contains(raw, "asks too much") || strings.Contains(raw, "GRAPHQL_VALIDATION") || strings.Contains(raw, `"INTERNAL"`) || strings.Contains(raw, "Cannot query") {
		w.t.Errorf("%s: the walker's own document is refused: %s\n%s", op.field.Name, raw, op.document)
	}
}

func (w *walk) send(op operation, arg argument, value any) string {
	w.t.Helper()
	variables := w.variables(op)
	place(variables, arg.path, value)
	return w.do(op, variables)
}

// compareAll compares every id of B, those of a subscription side by side, since each listens for a moment.
func (w *walk) compareAll(op operation, arg argument, ids, unknown []string) {
	if op.root != ast.Subscription {
		for _, id := range ids {
			w.compare(op, arg, id, unknown)
		}
		return
	}
	room := make(chan struct{}, 12)
	for _, id := range ids {
		room <- struct{}{}
		w.pending.Go(func() {
			w.compare(op, arg, id, unknown)
			<-room
		})
	}
	w.pending.Wait()
}

// compare sends B's id and two that nobody has: the answers are the same but for the id.
func (w *walk) compare(op operation, arg argument, foreign string, unknown []string) {
	w.t.Helper()
	var got, first string
	for _, patience := range []time.Duration{150 * time.Millisecond, time.Second, 3 * time.Second} { // a stream may begin late
		w := &walk{t: w.t, s: w.s, a: w.a, own: w.own, sent: w.sent, patience: patience}
		erase := func(id string) string { return anonymous(strings.ReplaceAll(w.send(op, arg, id), id, "ID")) }
		got = erase(foreign)
		if first = erase(unknown[0]); got == first || got == erase(unknown[1]) {
			return
		}
		if op.root != ast.Subscription {
			break
		}
	}
	w.t.Errorf("%s: %s of B answers\n%s\nand one that nobody has\n%s", op.field.Name, arg.name(), got, first)
}

// anonymous removes what differs from one answer to the next.
func anonymous(raw string) string {
	raw = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(raw, "T")
	return regexp.MustCompile(`"(cursor|accessToken|refreshToken|version|lastSeq)":("[^"]*"|\d+)`).ReplaceAllString(raw, `"$1":0`)
}

// do sends an operation and fails the test when the answer holds the canary.
func (w *walk) do(op operation, variables map[string]any) string {
	w.t.Helper()
	// Callers take turns: an answer is compared with that of the same caller, one or two requests later.
	who := []string{"ada", "key"}[w.sent.Add(1)%2]
	if op.root == ast.Subscription || op.root == ast.Mutation || op.field.Name == "viewer" || op.field.Name == "alerts" || op.field.Name == "unreadCount" {
		who = "ada"
	}
	raw := ""
	if op.root == ast.Subscription {
		raw = w.follow(op, variables)
	} else {
		raw = w.a.ask(who, op.document, variables)
	}
	if strings.Contains(raw, canary) {
		w.t.Errorf("%s %v answers with B's data: %s", op.field.Name, variables, raw)
	}
	return raw
}

// follow reads an event stream for a moment.
func (w *walk) follow(op operation, variables map[string]any) string {
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	r := w.a.request("ada", op.document, variables).WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(bufio.NewReader(response.Body))
	return string(text)
}
