package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// What conversations point to, beside contacts. sqlc has the same statements; here they travel together in one message.
const (
	accountsBeside = `SELECT id, channel, provider, external_ref, name, team_id, status, settings, endpoint_id, created_at FROM channel_accounts
		WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	agentsBeside = `SELECT id, email, name, role, status, created_at FROM agents WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	teamsBeside  = `SELECT tenant_id, id, name, created_at FROM teams WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
)

// RowsBeside implements inbox.ConversationRows.
func (tx *Tx) RowsBeside(ctx context.Context, list []inbox.ListedConversation, want inbox.Beside) (*inbox.Snapshot, error) {
	found, batch := &inbox.Snapshot{}, &pgx.Batch{}
	if want.Contacts {
		ids := pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return &c.ContactID })
		found.Contacts = queueContacts(batch, tx.tenant, ids, want.Identities)
	}
	if want.Accounts {
		ids := pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return &c.ChannelAccountID })
		found.Accounts = queueByIDs(batch, accountsBeside, tx.tenant, ids, func(r gen.ChannelAccountsByIDsRow) (uuid.UUID, inbox.ChannelAccount) {
			return r.ID, channelAccount(r)
		})
	}
	if want.Assignees {
		ids := pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return c.AssigneeID })
		found.Agents = queueByIDs(batch, agentsBeside, tx.tenant, ids, func(r gen.AgentsByIDsRow) (uuid.UUID, inbox.Agent) {
			return r.ID, agent(r)
		})
	}
	if want.Teams {
		ids := pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return c.TeamID })
		found.Teams = queueByIDs(batch, teamsBeside, tx.tenant, ids, func(r gen.Team) (uuid.UUID, inbox.Team) { return r.ID, team(r) })
	}
	return found, tx.conn.SendBatch(ctx, batch).Close()
}

// queueByIDs queues a statement over ids and returns the map that its rows will be put in.
func queueByIDs[R, V any](
	batch *pgx.Batch, sql string, tenant uuid.UUID, ids []uuid.UUID, convert func(R) (uuid.UUID, V),
) map[uuid.UUID]*V {
	found := make(map[uuid.UUID]*V, len(ids))
	queueRows(batch, sql, tenant, ids, func(r R) {
		id, v := convert(r)
		found[id] = &v
	})
	return found
}

// queueRows queues a statement over ids whose rows will be given to take; no ids, no statement.
func queueRows[R any](batch *pgx.Batch, sql string, tenant uuid.UUID, ids []uuid.UUID, take func(R)) {
	if len(ids) > 0 {
		queueEach(batch, take, sql, tenant, ids)
	}
}

// queueEach queues a statement whose rows, of the columns of R in their order, will be given to take.
func queueEach[R any](batch *pgx.Batch, take func(R), sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[R])
		for _, r := range found {
			take(r)
		}
		return err
	})
}
