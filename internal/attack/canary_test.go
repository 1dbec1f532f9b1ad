package attack

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

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
		"until": tomorrow(), "expectedLastSeq": nil, "idempotencyKey": nil, "text": "hello", "phone": "+4915112345678", "name": "order_ready",
		"language": "en", "header": nil, "body": nil, "correlationId": nil, "tenant": n.Slug, "email": "ada@shop.example", "password": "wrong horse battery",
		"refreshToken": "rt_none", "clientNonce": nil,
	}
}

// TestAnotherTenantIsNotThere walks through every operation of the schema as tenant A with each id, cursor and text of tenant B in each
// argument that takes one, and reads every field of every answer: B's canary is in none, and what is B's answers as what nobody has.
// (R51, H12)
func TestAnotherTenantIsNotThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a, b := s.shop("shop-a"), s.shop("shop-b")
	for _, n := range []*shop{a, b} {
		newScript(n).run(len(steps()), nil)
	}
	schema := readSchema(t)
	all, selected := operations(t, schema)
	everyFieldIsSelected(t, schema, selected)
	texts := b.texts(all)
	foreignKey := b.ask("ada", `{ conversations(first: 1) { cursor edges { cursor } } }`, nil)
	if columns := b.plant(); columns < 25 {
		t.Fatalf("the canary sits in %d columns only", columns)
	}
	b.after()
	if raw := b.ask("ada", `{ conversations { edges { node { preview contact { name } } } } }`, nil); !strings.Contains(raw, canary) {
		t.Fatalf("B itself does not see the canary: %s", raw)
	}
	ids, unknown := b.ids(), []string{inboxtest.NewID().String(), uuid.New().String()}
	cursors := regexp.MustCompile(`"cursor":"([^"]+)"`).FindAllStringSubmatch(foreignKey, -1)
	if len(ids) < 15 || len(cursors) != 2 {
		t.Fatalf("%d ids and %d cursors of B", len(ids), len(cursors))
	}
	w := newWalk(a)
	w.b = b
	for _, op := range all {
		w.defaults(op)
		for _, arg := range op.arguments {
			switch name := arg.path[len(arg.path)-1]; {
			case arg.kind.Name() == "ID":
				w.compareAll(op, arg, ids, unknown)
			case arg.kind.Name() == "Cursor":
				w.compareAll(op, arg, cursors[0][1:], []string{"AAAA" + cursors[0][1][4:], "AAAA"})
			case name == "after" || name == "before": // a place in a list may be a place in another
				w.send(op, arg, cursors[1][1])
			case arg.kind.Name() == "String":
				w.compareText(op, arg, texts)
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
