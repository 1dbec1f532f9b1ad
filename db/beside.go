package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
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

// BesideAtEnd implements inbox.ConversationRows.
func (tx *Tx) BesideAtEnd(c inbox.Conversation, want inbox.Beside) *inbox.Snapshot {
	found := &inbox.Snapshot{}
	queueBeside(&tx.atEnd, tx.tenant, found, want, besideIDs{
		contacts: []uuid.UUID{c.ContactID}, accounts: []uuid.UUID{c.ChannelAccountID}, assignees: given(c.AssigneeID), teams: given(c.TeamID),
	})
	return found
}

// given returns the id as a list of those that there are.
func given(id *uuid.UUID) []uuid.UUID {
	if id == nil {
		return nil
	}
	return []uuid.UUID{*id}
}

// conversationsOf returns the events' conversations and what these point to. The latter is told from the events, which say it of the moment
// after them: what has changed since is not there, and whoever asks for it reads it.
func (tx *Tx) conversationsOf(ctx context.Context, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	found, batch := &inbox.Snapshot{Reach: reach}, &pgx.Batch{}
	if reach.Conversations {
		ids := pointed(events, func(e *inbox.Event) *uuid.UUID { return e.ConversationID })
		found.Conversations = queueByIDs(batch, gen.ConversationsByIDs, tx.tenant, ids, func(r gen.Conversation) (uuid.UUID, inbox.Conversation) {
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
		found.Accounts = queueByIDs(batch, gen.ChannelAccountsByIDs, tenant, ids.accounts, func(r gen.ChannelAccountsByIDsRow) (uuid.UUID, inbox.ChannelAccount) {
			return r.ID, channelAccount(r)
		})
	}
	if want.Assignees {
		found.Agents = queueByIDs(batch, gen.AgentsByIDs, tenant, ids.assignees, func(r gen.AgentsByIDsRow) (uuid.UUID, inbox.Agent) {
			return r.ID, agent(r)
		})
	}
	if want.Teams {
		found.Teams = queueByIDs(batch, gen.TeamsByIDs, tenant, ids.teams, func(r gen.Team) (uuid.UUID, inbox.Team) { return r.ID, team(r) })
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
