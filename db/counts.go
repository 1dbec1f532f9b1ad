package db

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// CountConversations implements inbox.ConversationRows.
func (tx *Tx) CountConversations(
	ctx context.Context, filter inbox.ConversationFilter, viewers []inbox.Visibility,
) ([]inbox.CountGroup, error) {
	s := newSelection(tx.tenant, filter)
	s.where("c.status = ANY (" + s.arg(texts(filter.Status)) + "::text[])")
	s.seenBy(viewers)
	rows, err := tx.conn.Query(ctx, `
SELECT c.channel_account_id, c.assignee_id, count(*) FROM conversations c WHERE c.tenant_id = $1 AND `+strings.Join(s.terms, " AND ")+`
GROUP BY c.channel_account_id, c.assignee_id`, s.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (g inbox.CountGroup, err error) {
		return g, row.Scan(&g.ChannelAccountID, &g.AssigneeID, &g.Conversations)
	})
}

// seenBy keeps what at least one of the viewers may see. The accounts stand there twice, once for each half of their index.
func (s *selection) seenBy(viewers []inbox.Visibility) {
	accounts, agents := []uuid.UUID{}, []uuid.UUID{}
	seen := map[uuid.UUID]bool{}
	for _, v := range viewers {
		if v.All {
			return
		}
		agents = append(agents, v.Agent)
		for _, a := range v.Accounts {
			if !seen[a] {
				seen[a] = true
				accounts = append(accounts, a)
			}
		}
	}
	on := "c.channel_account_id = ANY (" + s.arg(accounts) + "::uuid[])"
	s.where("(" + on + " AND " + isUnassigned + " OR " + on + " AND " + isAssigned + " OR c.assignee_id = ANY (" + s.arg(agents) + "::uuid[]))")
}
