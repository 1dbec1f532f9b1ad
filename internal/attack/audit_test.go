package attack

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// audited says what each mutation of the day writes into the audit log. One that is not here fails below.
func audited() map[string]string {
	return map[string]string{
		"login": "session.started", "refresh": "session.refreshed", "logout": "session.started session.ended", // the day signs in again first
		"claimConversation": "conversation.claimed", "releaseConversation": "conversation.released", "reopenConversation": "conversation.reopened",
		"resolveConversation": "conversation.resolved", "snoozeConversation": "conversation.snoozed", "reassignConversation": "conversation.reassigned",
		"markRead": "conversation.read", "sendMessage retryMessage": "message.queued message.retried", // each twice under one key
		"sendNotification": "contact.created notification.queued",
	}
}

// auditLines returns what the tenant's audit log holds, oldest first.
func (n *shop) auditLines() []string {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(n.s.t.Context(), "SELECT action FROM audit_log WHERE tenant_id = $1 ORDER BY id", n.ID.UUID())
	n.s.must(err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	n.s.must(err)
	return lines
}

// TestEveryChangeLeavesItsLine lives a day and compares what each mutation of the schema writes into the audit log: its line, and nothing
// when it is refused. (R63)
func TestEveryChangeLeavesItsLine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := s.shop("shop-a")
	day, want, covered := newScript(n), audited(), map[string]bool{}
	for _, one := range steps() {
		before := n.auditLines()
		one.do(day)
		lines, isNew := n.auditLines(), strings.Join(one.covers, " ")
		got := strings.Join(lines[len(before):], " ")
		for _, name := range one.covers {
			covered[name] = true
		}
		expected, mutates := want[isNew]
		if mutates && got != expected || !mutates && len(one.covers) > 0 && got != "" {
			t.Errorf("%s leaves %q, want %q", isNew, got, expected)
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
}
