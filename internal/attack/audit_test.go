package attack

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// audited says what each mutation of the day writes into the audit log: who did what to what, and the details. One that is not here fails below.
func audited() map[string]string {
	moved := func(action string, version int, before, after, assigneeBefore, assigneeAfter string) string {
		return fmt.Sprintf(`AGENT ada conversation.%s conversation with-Kim `+
			`{"version": %d, "statusAfter": "%s", "statusBefore": "%s", "assigneeAfter": %s, "assigneeBefore": %s}`,
			action, version, after, before, assigneeAfter, assigneeBefore)
	}
	const none, ada = "null", `"ada"`
	return map[string]string{
		"login":   `AGENT ada session.started session 1-of-ada {}`,
		"refresh": `AGENT ada session.refreshed session 1-of-ada {}`,
		"logout":  `AGENT ada session.started session 2-of-ada {}; AGENT ada session.ended session 1-of-ada {}`, // the day signs in again first

		"claimConversation":    moved("claimed", 3, "OPEN", "OPEN", none, ada),
		"snoozeConversation":   strings.Replace(moved("snoozed", 6, "OPEN", "SNOOZED", ada, ada), `"statusB`, `"snoozedUntil": "TIME", "statusB`, 1),
		"reopenConversation":   moved("reopened", 7, "SNOOZED", "OPEN", ada, ada),
		"releaseConversation":  moved("released", 8, "OPEN", "OPEN", ada, none),
		"reassignConversation": moved("reassigned", 9, "OPEN", "OPEN", none, ada),
		"resolveConversation":  moved("resolved", 10, "OPEN", "RESOLVED", ada, ada),
		"markRead":             `AGENT ada conversation.read conversation with-Kim {"upToSeq": 1}`,

		"sendMessage retryMessage": `AGENT ada message.queued message 3-with-Kim {"kind": "TEXT", "conversation": "with-Kim"}; ` + // each twice under one key
			`AGENT ada message.retried message 4-with-Kim {"kind": "TEXT", "retryOf": "3-with-Kim", "conversation": "with-Kim"}`,
		"sendNotification": `API_KEY CRM contact.created contact Max {}; ` +
			`API_KEY CRM notification.queued message 1-with-Max {"kind": "TEMPLATE", "conversation": "with-Max"}`,
	}
}

// auditLines returns what the tenant's audit log holds, oldest first: who did what to what, with the details, and names in the place of ids.
func (n *shop) auditLines() []string {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	all := func(sql string) []string {
		rows, err := conn.Query(n.s.t.Context(), sql, n.ID.UUID())
		n.s.must(err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		n.s.must(err)
		return found
	}
	names := strings.NewReplacer(all(namesOfIDs)...)
	lines := all(`SELECT concat_ws(' ', actor_kind, actor_id, action, subject_kind, subject_id, details) FROM audit_log WHERE tenant_id = $1 ORDER BY id`)
	for i, line := range lines {
		lines[i] = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`).ReplaceAllString(names.Replace(line), "TIME")
	}
	return lines
}

// namesOfIDs are pairs of an id of the tenant and what it is called in a line.
const namesOfIDs = `SELECT unnest(ARRAY[id::text, name]) FROM (
	SELECT tenant_id AS id, 'the-tenant' AS name FROM tenants WHERE tenant_id = $1
	UNION ALL SELECT id, name FROM agents WHERE tenant_id = $1
	UNION ALL SELECT id, name FROM api_keys WHERE tenant_id = $1
	UNION ALL SELECT id, name FROM contacts WHERE tenant_id = $1
	UNION ALL SELECT v.id, 'with-' || c.name FROM conversations v JOIN contacts c ON c.id = v.contact_id WHERE v.tenant_id = $1
	UNION ALL SELECT m.id, m.seq || '-with-' || c.name
		FROM messages m JOIN conversations v ON v.id = m.conversation_id JOIN contacts c ON c.id = v.contact_id WHERE m.tenant_id = $1
	UNION ALL SELECT family_id, row_number() OVER (PARTITION BY a.name ORDER BY min(r.created_at)) || '-of-' || a.name
		FROM refresh_tokens r JOIN agents a ON a.id = r.agent_id WHERE r.tenant_id = $1 GROUP BY family_id, a.name) named`

// TestEveryChangeLeavesItsLine lives a day and compares what each mutation of the schema writes into the audit log: its line with who did what to
// what, and nothing when it is refused as unknown, forbidden or in conflict. (R63)
func TestEveryChangeLeavesItsLine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := s.shop("shop-a")
	day, want, covered := newScript(n), audited(), map[string]bool{}
	for _, one := range steps() {
		before := n.auditLines()
		one.do(day)
		lines, isNew := n.auditLines(), strings.Join(one.covers, " ")
		got := strings.Join(lines[len(before):], "; ")
		for _, name := range one.covers {
			covered[name] = true
		}
		expected, mutates := want[isNew]
		if mutates && got != expected || !mutates && len(one.covers) > 0 && got != "" {
			t.Errorf("%s leaves\n%s, want\n%s", isNew, got, expected)
		}
	}
	all, _ := operations(t, readSchema(t))
	w := newWalk(n)
	for _, op := range all {
		if op.root != ast.Mutation {
			continue
		}
		known := slices.ContainsFunc([]string{op.field.Name, "sendMessage retryMessage"}, func(key string) bool {
			_, ok := want[key]
			return ok && strings.Contains(key, op.field.Name)
		})
		if !known || !covered[op.field.Name] {
			t.Errorf("%s has no line in audited(): say what it writes into the audit log", op.field.Name)
		}
		before := n.auditLines()
		for _, arg := range op.arguments {
			if arg.kind.Name() == "ID" && arg.kind.NonNull {
				w.send(op, arg, inboxtest.NewID().String())
			}
		}
		if lines := n.auditLines(); len(lines) != len(before) {
			t.Errorf("%s is refused and leaves %v", op.field.Name, lines[len(before):])
		}
	}
	before := n.auditLines()
	claim := fmt.Sprintf(`mutation { claimConversation(input: {conversationId: %q}) { conversation { id } } }`, day.known["conversation"])
	for who, code := range map[string]string{"key": "FORBIDDEN", "ada": "CONFLICT"} { // a key may not, and the conversation is resolved
		if raw := n.ask(who, claim, nil); !strings.Contains(raw, `"`+code+`"`) {
			t.Errorf("the claim is answered %s, want %s", raw, code)
		}
		if lines := n.auditLines(); len(lines) != len(before) {
			t.Errorf("a claim that is refused with %s leaves %v", code, lines[len(before):])
		}
	}
}
