package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// A mark has no message of its own.
const knownExternalIDs = `
SELECT w.account, w.external, k.message_id, k.conversation_id
FROM (SELECT unnest($2::uuid[]) AS account, unnest($3::text[]) AS external) w
CROSS JOIN LATERAL (
  SELECT m.id AS message_id, m.conversation_id FROM messages m
  WHERE m.tenant_id = $1 AND m.channel_account_id = w.account AND m.external_id = w.external
  UNION ALL
  SELECT NULL, x.conversation_id FROM message_marks x
  WHERE x.tenant_id = $1 AND x.channel_account_id = w.account AND x.external_id = w.external) k`

const lockPeople = `
SELECT i.kind, i.value, i.invalid_at, c.id, c.name, c.version, c.created_at
FROM (SELECT unnest($2::text[]) AS kind, unnest($3::text[]) AS value) w
JOIN contact_identities i ON i.tenant_id = $1 AND i.kind = w.kind AND i.value = w.value
JOIN contacts c ON c.tenant_id = $1 AND c.id = i.contact_id
ORDER BY c.id FOR NO KEY UPDATE OF c`

// Sent behind lockPeople: it sees what whoever held a contact before has committed.
const lockNewest = `
SELECT v.tenant_id, v.id, v.contact_id, v.channel_account_id, v.team_id, v.status, v.assignee_id, v.version, v.last_seq, v.inbound_count,
  v.last_message_at, v.last_inbound_at, v.preview, v.snoozed_until, v.snooze_gen, v.resolved_at, v.resolved_at_seq, v.follow_up_at, v.created_at
FROM conversations v WHERE v.tenant_id = $1 AND v.id = ANY (ARRAY(
  SELECT coalesce(
    (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = i.contact_id AND c.channel_account_id = account
       AND c.status IN ('OPEN', 'SNOOZED')),
    (SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = i.contact_id AND c.channel_account_id = account
       AND c.status = 'RESOLVED' ORDER BY c.created_at DESC, c.id DESC LIMIT 1))
  FROM (SELECT unnest($2::text[]) AS kind, unnest($3::text[]) AS value) w
  JOIN contact_identities i ON i.tenant_id = $1 AND i.kind = w.kind AND i.value = w.value
  CROSS JOIN unnest($4::uuid[]) AS account
  UNION ALL SELECT unnest($5::uuid[])))
ORDER BY v.id FOR NO KEY UPDATE`

// LockStanding implements inbox.RouteRows.
func (tx *Tx) LockStanding(ctx context.Context, arriving inbox.Arriving) (inbox.Standing, error) {
	standing := inbox.Standing{}
	accounts, externals := refColumns(arriving.Refs)
	kinds, names := identityColumns(arriving.Senders)
	batch := &pgx.Batch{}
	batch.Queue(knownExternalIDs, tx.tenant, accounts, externals).Query(func(rows pgx.Rows) (err error) {
		standing.Known, err = scanKnown(rows)
		return err
	})
	batch.Queue(lockPeople, tx.tenant, kinds, names).Query(func(rows pgx.Rows) error { return scanPeople(rows, &standing) })
	batch.Queue(lockNewest, tx.tenant, kinds, names, arriving.Accounts, notNil(arriving.Others)).Query(func(rows pgx.Rows) (err error) {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[gen.Conversation])
		standing.Conversations = column(found, conversation)
		return err
	})
	return standing, tx.conn.SendBatch(ctx, batch).Close()
}

func scanKnown(rows pgx.Rows) (map[inbox.ExternalRef]inbox.Known, error) {
	found := map[inbox.ExternalRef]inbox.Known{}
	var ref inbox.ExternalRef
	var known inbox.Known
	_, err := pgx.ForEachRow(rows, []any{&ref.ChannelAccountID, &ref.ExternalID, &known.MessageID, &known.ConversationID}, func() error {
		found[ref] = known
		return nil
	})
	return found, err
}

// scanPeople reads one row an identity; those of one contact follow each other.
func scanPeople(rows pgx.Rows, into *inbox.Standing) error {
	var kind, value string
	var invalid *time.Time
	var c inbox.Contact
	_, err := pgx.ForEachRow(rows, []any{&kind, &value, &invalid, &c.ID, &c.Name, &c.Version, &c.CreatedAt}, func() error {
		identity := inbox.Identity{Kind: inbox.IdentityKind(kind), Value: value, ContactID: c.ID, InvalidAt: utc(invalid)}
		into.Identities = append(into.Identities, identity)
		if n := len(into.Contacts); n == 0 || into.Contacts[n-1].ID != c.ID {
			c.CreatedAt = c.CreatedAt.UTC()
			into.Contacts = append(into.Contacts, c)
		}
		return nil
	})
	return err
}

// KnownExternalIDs implements inbox.RouteRows.
func (tx *Tx) KnownExternalIDs(ctx context.Context, refs []inbox.ExternalRef) (map[inbox.ExternalRef]inbox.Known, error) {
	accounts, externals := refColumns(refs)
	rows, err := tx.conn.Query(ctx, knownExternalIDs, tx.tenant, accounts, externals)
	if err != nil {
		return nil, err
	}
	return scanKnown(rows)
}

// Routings implements inbox.RouteRows.
func (tx *Tx) Routings(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]inbox.Routing, error) {
	rows, err := tx.q.IngestAccounts(ctx, tx.tenant, accounts)
	if err != nil {
		return nil, err
	}
	routings := make(map[uuid.UUID]inbox.Routing, len(rows))
	for _, r := range rows {
		routings[r.ID] = inbox.Routing{
			TeamID: r.TeamID, ReopenWithinDays: int(r.ReopenWithinDays), ReopenKeepsAssignee: r.ReopenKeepsAssignee,
		}
	}
	return routings, nil
}
