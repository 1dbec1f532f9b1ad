package db

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// ConversationsByIDs implements inbox.ConversationRows.
func (tx *Tx) ConversationsByIDs(ctx context.Context, ids []uuid.UUID) ([]inbox.Conversation, error) {
	rows, err := tx.q.ConversationsByIDs(ctx, tx.tenant, ids)
	return column(rows, conversation), err
}

// LockConversations implements inbox.ConversationRows.
func (tx *Tx) LockConversations(ctx context.Context, ids []uuid.UUID) ([]inbox.Conversation, error) {
	rows, err := tx.q.LockConversations(ctx, tx.tenant, ids)
	return column(rows, conversation), err
}

const (
	lockConversation = `
SELECT tenant_id, id, contact_id, channel_account_id, team_id, status, assignee_id, version, last_seq, inbound_count, last_message_at,
  last_inbound_at, preview, snoozed_until, snooze_gen, resolved_at, resolved_at_seq, follow_up_at, created_at
FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`

	accountOfConversation = `
SELECT a.id, a.channel, a.provider, a.external_ref, a.name, a.team_id, a.status, a.settings, a.endpoint_id, a.created_at
FROM conversations c JOIN channel_accounts a ON a.tenant_id = $1 AND a.id = c.channel_account_id WHERE c.tenant_id = $1 AND c.id = $2`
)

// LockWithAccount implements inbox.ConversationRows.
func (tx *Tx) LockWithAccount(ctx context.Context, id uuid.UUID) (c inbox.Conversation, a inbox.ChannelAccount, err error) {
	batch, found := &pgx.Batch{}, false
	queueEach(batch, func(row gen.Conversation) { found, c = true, conversation(row) }, lockConversation, tx.tenant, id)
	queueEach(batch, func(row gen.ChannelAccountsByIDsRow) { a = channelAccount(row) }, accountOfConversation, tx.tenant, id)
	if err = tx.conn.SendBatch(ctx, batch).Close(); err == nil && !found {
		err = inbox.NoConversation()
	}
	return c, a, err
}

// ActiveConversation implements inbox.ConversationRows.
func (tx *Tx) ActiveConversation(ctx context.Context, contact, account uuid.UUID) (*uuid.UUID, error) {
	id, err := tx.q.ActiveConversation(ctx, tx.tenant, contact, account)
	if ok, err := found(err); !ok {
		return nil, err
	}
	return &id, nil
}

// UpdateConversations implements inbox.ConversationRows.
func (tx *Tx) UpdateConversations(_ context.Context, conversations []inbox.Conversation) error {
	if len(conversations) == 0 {
		return nil
	}
	// Nearly always it is one row. To count it and to call the function each time took about a tenth of the whole update.
	missed := "NOT EXISTS (SELECT FROM changed)"
	var counted []any
	if len(conversations) > 1 {
		missed, counted = "(SELECT count(*) FROM changed) <> $2", []any{int64(len(conversations))}
	}
	r := rowsOf(tx.tenant, conversations, counted...)
	fillMutable(r)
	var set []string
	is := map[string]string{}
	for i, name := range r.columns {
		if is[name] = r.values[i]; name != "id" {
			set = append(set, name+" = "+r.values[i])
		}
	}
	tx.conn.keep(statement{"WITH changed AS (UPDATE conversations c SET " + strings.Join(set, ", ") + r.from(" FROM ") +
		" WHERE c.tenant_id = $1 AND c.id = " + is["id"] + " AND c.version < " + is["version"] + " RETURNING c.id) SELECT CASE WHEN " + missed +
		" THEN app.must(false, 'update conversations: not all of the rows were there with an older version') END", r.args})
	return nil
}

// InsertConversations implements inbox.ConversationRows.
func (tx *Tx) InsertConversations(_ context.Context, conversations []inbox.Conversation) error {
	if len(conversations) == 0 {
		return nil
	}
	r := rowsOf(tx.tenant, conversations)
	fillMutable(r)
	fill(r, "contact_id", "uuid", func(c *inbox.Conversation) uuid.UUID { return c.ContactID })
	fill(r, "channel_account_id", "uuid", func(c *inbox.Conversation) uuid.UUID { return c.ChannelAccountID })
	fill(r, "created_at", "timestamptz", func(c *inbox.Conversation) time.Time { return c.CreatedAt })
	tx.conn.keep(r.insert("conversations"))
	return nil
}

// fillMutable adds the id and the mutable columns of conversations, also those that are NULL: an update writes them all.
func fillMutable(r *rows[inbox.Conversation]) {
	fill(r, "id", "uuid", func(c *inbox.Conversation) uuid.UUID { return c.ID })
	fill(r, "team_id", "uuid", func(c *inbox.Conversation) *uuid.UUID { return c.TeamID })
	fill(r, "status", "text", func(c *inbox.Conversation) string { return string(c.Status) })
	fill(r, "assignee_id", "uuid", func(c *inbox.Conversation) *uuid.UUID { return c.AssigneeID })
	fill(r, "version", "bigint", func(c *inbox.Conversation) int64 { return c.Version })
	fill(r, "last_seq", "bigint", func(c *inbox.Conversation) int64 { return c.LastSeq })
	fill(r, "inbound_count", "bigint", func(c *inbox.Conversation) int64 { return c.InboundCount })
	fill(r, "last_message_at", "timestamptz", func(c *inbox.Conversation) time.Time { return c.LastMessageAt })
	fill(r, "last_inbound_at", "timestamptz", func(c *inbox.Conversation) *time.Time { return c.LastInboundAt })
	fill(r, "preview", "text", func(c *inbox.Conversation) string { return c.Preview })
	fill(r, "snoozed_until", "timestamptz", func(c *inbox.Conversation) *time.Time { return c.SnoozedUntil })
	fill(r, "snooze_gen", "bigint", func(c *inbox.Conversation) int64 { return c.SnoozeGen })
	fill(r, "resolved_at", "timestamptz", func(c *inbox.Conversation) *time.Time { return c.ResolvedAt })
	fill(r, "resolved_at_seq", "bigint", func(c *inbox.Conversation) *int64 { return c.ResolvedAtSeq })
	fill(r, "follow_up_at", "timestamptz", func(c *inbox.Conversation) *time.Time { return c.FollowUpAt })
}

func conversation(r gen.Conversation) inbox.Conversation {
	return inbox.Conversation{
		ID: r.ID, ContactID: r.ContactID, ChannelAccountID: r.ChannelAccountID, TeamID: r.TeamID, Status: inbox.Status(r.Status),
		AssigneeID: r.AssigneeID, Version: r.Version, LastSeq: r.LastSeq, InboundCount: r.InboundCount,
		LastMessageAt: r.LastMessageAt.UTC(), LastInboundAt: utc(r.LastInboundAt), Preview: r.Preview, SnoozedUntil: utc(r.SnoozedUntil),
		SnoozeGen: r.SnoozeGen, ResolvedAt: utc(r.ResolvedAt), ResolvedAtSeq: r.ResolvedAtSeq, FollowUpAt: utc(r.FollowUpAt),
		CreatedAt: r.CreatedAt.UTC(),
	}
}

// utc returns the same moment in UTC: pgx hands out local times.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
