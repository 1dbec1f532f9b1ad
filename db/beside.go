package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Conversations and, beside contacts, what they point to. sqlc has the same statements; here they travel together in one message.
const (
	conversationsByIDs = `SELECT * FROM conversations WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	accountsBeside     = `SELECT id, channel, provider, external_ref, name, team_id, status, settings, endpoint_id, created_at FROM channel_accounts
		WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	agentsBeside = `SELECT id, email, name, role, status, created_at FROM agents WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
	teamsBeside  = `SELECT tenant_id, id, name, created_at FROM teams WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`
)

// RowsBeside implements inbox.ConversationRows.
func (tx *Tx) RowsBeside(ctx context.Context, list []inbox.ListedConversation, want inbox.Beside) (*inbox.Snapshot, error) {
	found, batch := &inbox.Snapshot{}, &pgx.Batch{}
	queueBeside(batch, tx.tenant, found, want, besideIDs{
		contacts:  pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return &c.ContactID }),
		accounts:  pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return &c.ChannelAccountID }),
		assignees: pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return c.AssigneeID }),
		teams:     pointed(list, func(c *inbox.ListedConversation) *uuid.UUID { return c.TeamID }),
	})
	return found, tx.conn.SendBatch(ctx, batch).Close()
}

// conversationsOf returns the events' conversations and what these point to. The latter is told from the events, which say it of the moment
// after them: what has changed since is not there, and whoever asks for it reads it.
func (tx *Tx) conversationsOf(ctx context.Context, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	found, batch := &inbox.Snapshot{Reach: reach}, &pgx.Batch{}
	if reach.Conversations {
		ids := pointed(events, func(e *inbox.Event) *uuid.UUID { return e.ConversationID })
		found.Conversations = queueByIDs(batch, conversationsByIDs, tx.tenant, ids, func(r gen.Conversation) (uuid.UUID, inbox.Conversation) {
			return r.ID, conversation(r)
		})
	}
	queueBeside(batch, tx.tenant, found, reach.Beside, besideIDs{
		contacts:  pointed(events, func(e *inbox.Event) *uuid.UUID { return e.ContactID }),
		accounts:  pointed(events, func(e *inbox.Event) *uuid.UUID { return e.ChannelAccountID }),
		assignees: pointed(events, func(e *inbox.Event) *uuid.UUID { return e.AssigneeAfter }),
		teams:     pointed(events, func(e *inbox.Event) *uuid.UUID { return e.TeamAfter }),
	})
	return found, tx.conn.SendBatch(ctx, batch).Close()
}

// besideIDs are the ids of what conversations point to.
type besideIDs struct{ contacts, accounts, assignees, teams []uuid.UUID }

// queueBeside queues what is wanted of them; its rows will be in the snapshot.
func queueBeside(batch *pgx.Batch, tenant uuid.UUID, found *inbox.Snapshot, want inbox.Beside, ids besideIDs) {
	if want.Contacts {
		found.Contacts = queueContacts(batch, tenant, ids.contacts, want.Identities)
	}
	if want.Accounts {
		found.Accounts = queueByIDs(batch, accountsBeside, tenant, ids.accounts, func(r gen.ChannelAccountsByIDsRow) (uuid.UUID, inbox.ChannelAccount) {
			return r.ID, channelAccount(r)
		})
	}
	if want.Assignees {
		found.Agents = queueByIDs(batch, agentsBeside, tenant, ids.assignees, func(r gen.AgentsByIDsRow) (uuid.UUID, inbox.Agent) {
			return r.ID, agent(r)
		})
	}
	if want.Teams {
		found.Teams = queueByIDs(batch, teamsBeside, tenant, ids.teams, func(r gen.Team) (uuid.UUID, inbox.Team) { return r.ID, team(r) })
	}
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
