package db

import (
	"context"
	"time"

	"github.com/google/uuid"

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

// ActiveConversation implements inbox.ConversationRows.
func (tx *Tx) ActiveConversation(ctx context.Context, contact, account uuid.UUID) (*uuid.UUID, error) {
	id, err := tx.q.ActiveConversation(ctx, tx.tenant, contact, account)
	if ok, err := found(err); !ok {
		return nil, err
	}
	return &id, nil
}

const updateConversations = `
WITH changed AS (
  UPDATE conversations c
SET team_id = u.team_id, status = u.status, assignee_id = u.assignee_id, version = u.version, last_seq = u.last_seq,
  inbound_count = u.inbound_count, last_message_at = u.last_message_at, last_inbound_at = u.last_inbound_at, preview = u.preview,
  snoozed_until = u.snoozed_until, snooze_gen = u.snooze_gen, resolved_at = u.resolved_at, resolved_at_seq = u.resolved_at_seq,
  follow_up_at = u.follow_up_at
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::timestamptz[],
    $10::timestamptz[], $11::text[], $12::timestamptz[], $13::bigint[], $14::timestamptz[], $15::bigint[], $16::timestamptz[])
  AS u (id, team_id, status, assignee_id, version, last_seq, inbound_count, last_message_at, last_inbound_at, preview,
    snoozed_until, snooze_gen, resolved_at, resolved_at_seq, follow_up_at)
WHERE c.tenant_id = $1 AND c.id = u.id AND c.version < u.version
RETURNING c.id)
SELECT app.must(count(*) = cardinality($2), 'update conversations: not all of the rows were there with an older version') FROM changed`

// UpdateConversations implements inbox.ConversationRows.
func (tx *Tx) UpdateConversations(_ context.Context, conversations []inbox.Conversation) error {
	if len(conversations) == 0 {
		return nil
	}
	tx.conn.keep(statement{updateConversations, append([]any{tx.tenant}, mutable(conversations)...)})
	return nil
}

const insertConversations = `
INSERT INTO conversations (tenant_id, id, team_id, status, assignee_id, version, last_seq, inbound_count, last_message_at,
  last_inbound_at, preview, snoozed_until, snooze_gen, resolved_at, resolved_at_seq, follow_up_at, contact_id, channel_account_id,
  created_at)
SELECT $1, u.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::timestamptz[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::bigint[], $14::timestamptz[], $15::bigint[],
  $16::timestamptz[], $17::uuid[], $18::uuid[], $19::timestamptz[]) AS u`

// InsertConversations implements inbox.ConversationRows.
func (tx *Tx) InsertConversations(_ context.Context, conversations []inbox.Conversation) error {
	if len(conversations) == 0 {
		return nil
	}
	args := append([]any{tx.tenant}, mutable(conversations)...)
	args = append(args,
		column(conversations, func(c inbox.Conversation) uuid.UUID { return c.ContactID }),
		column(conversations, func(c inbox.Conversation) uuid.UUID { return c.ChannelAccountID }),
		column(conversations, func(c inbox.Conversation) time.Time { return c.CreatedAt }),
	)
	tx.conn.keep(statement{insertConversations, args})
	return nil
}

// mutable returns the ids and mutable columns of conversations in the order in which both statements above take them.
func mutable(conversations []inbox.Conversation) []any {
	return []any{
		column(conversations, func(c inbox.Conversation) uuid.UUID { return c.ID }),
		column(conversations, func(c inbox.Conversation) *uuid.UUID { return c.TeamID }),
		column(conversations, func(c inbox.Conversation) string { return string(c.Status) }),
		column(conversations, func(c inbox.Conversation) *uuid.UUID { return c.AssigneeID }),
		column(conversations, func(c inbox.Conversation) int64 { return c.Version }),
		column(conversations, func(c inbox.Conversation) int64 { return c.LastSeq }),
		column(conversations, func(c inbox.Conversation) int64 { return c.InboundCount }),
		column(conversations, func(c inbox.Conversation) time.Time { return c.LastMessageAt }),
		column(conversations, func(c inbox.Conversation) *time.Time { return c.LastInboundAt }),
		column(conversations, func(c inbox.Conversation) string { return c.Preview }),
		column(conversations, func(c inbox.Conversation) *time.Time { return c.SnoozedUntil }),
		column(conversations, func(c inbox.Conversation) int64 { return c.SnoozeGen }),
		column(conversations, func(c inbox.Conversation) *time.Time { return c.ResolvedAt }),
		column(conversations, func(c inbox.Conversation) *int64 { return c.ResolvedAtSeq }),
		column(conversations, func(c inbox.Conversation) *time.Time { return c.FollowUpAt }),
	}
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
