package db

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// UnreadCounts implements inbox.UnreadRows.
func (tx *Tx) UnreadCounts(ctx context.Context, agents, conversations []uuid.UUID) ([]inbox.UnreadRow, error) {
	rows, err := tx.q.UnreadCounts(ctx, notNil(agents), tx.tenant, notNil(conversations))
	return column(rows, func(r gen.UnreadCountsRow) inbox.UnreadRow {
		return inbox.UnreadRow{
			AgentID: r.AgentID, ConversationID: r.ConversationID, ChannelAccountID: r.ChannelAccountID, AssigneeID: r.AssigneeID,
			Unread: r.Unread,
		}
	}), err
}

// UnreadGroups implements inbox.UnreadRows.
func (tx *Tx) UnreadGroups(ctx context.Context, viewers []inbox.Visibility) ([]inbox.UnreadGroup, error) {
	s := &selection{args: []any{tx.tenant}, terms: []string{"c.inbound_count > 0"}}
	s.seenBy(viewers)
	seen := strings.Join(s.terms, " AND ")
	agents := s.arg(column(viewers, func(v inbox.Visibility) uuid.UUID { return v.Agent }))
	rows, err := tx.conn.Query(ctx, `
SELECT NULL::uuid, c.channel_account_id, c.assignee_id, count(*) FROM conversations c WHERE c.tenant_id = $1 AND `+seen+`
GROUP BY c.channel_account_id, c.assignee_id
UNION ALL
SELECT r.agent_id, c.channel_account_id, c.assignee_id, count(*)
FROM read_cursors r JOIN conversations c ON c.tenant_id = $1 AND c.id = r.conversation_id AND r.inbound_no >= c.inbound_count
WHERE r.tenant_id = $1 AND r.agent_id = ANY (`+agents+`::uuid[]) AND `+seen+`
GROUP BY r.agent_id, c.channel_account_id, c.assignee_id`, s.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (g inbox.UnreadGroup, err error) {
		return g, row.Scan(&g.AgentID, &g.ChannelAccountID, &g.AssigneeID, &g.Conversations)
	})
}
