package chaos

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// gatherDone reads which operations of an agent on a conversation were accepted, by the keys that were kept, and of which there is a line in the
// audit log, which is written with what the operation changes.
func (w *world) gatherDone(ctx context.Context, conn *pgx.Conn, tn *tenant, e *evidence) error {
	var err, failed error
	e.accepted, err = counts(ctx, conn, `SELECT concat_ws(' ', operation, actor_id, result->>'ConversationID'), count(*) FROM idempotency_keys
		WHERE tenant_id = $1 AND key LIKE 'operation-%' GROUP BY 1`, tn.id)
	e.audited, failed = counts(ctx, conn, `SELECT concat_ws(' ', CASE action WHEN 'conversation.claimed' THEN 'claimConversation'
		WHEN 'conversation.resolved' THEN 'resolveConversation' WHEN 'conversation.snoozed' THEN 'snoozeConversation' ELSE 'markRead' END,
		actor_id, subject_id), count(*) FROM audit_log WHERE tenant_id = $1 AND actor_kind = 'AGENT' AND action IN
		('conversation.claimed', 'conversation.resolved', 'conversation.snoozed', 'conversation.read') GROUP BY 1`, tn.id)
	return errors.Join(err, failed)
}

// judgeDone: what was accepted was done, and nothing else was (R21). Who resolves or snoozes changes something each time; who claims or reads does so
// the first time at least, and later perhaps not.
func (e *evidence) judgeDone(wrong complaint) {
	names := slices.Concat(slices.Collect(maps.Keys(e.accepted)), slices.Collect(maps.Keys(e.audited)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		n, lines := e.accepted[name], e.audited[name]
		always := strings.HasPrefix(name, "resolve") || strings.HasPrefix(name, "snooze")
		if lines > n || n > 0 && lines == 0 || always && lines < n {
			wrong("%s was accepted %d times, and is in the audit log %d times", name, n, lines)
		}
	}
}
