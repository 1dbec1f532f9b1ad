package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// A mark has no message of its own. A single id is asked for in words of its own: to unnest arrays and join what comes of them costs more than
// looking it up.
const (
	knownExternalIDs = `
SELECT w.account, w.external, k.message_id, k.conversation_id
FROM (SELECT unnest($2::uuid[]) AS account, unnest($3::text[]) AS external) w
CROSS JOIN LATERAL (
  SELECT m.id AS message_id, m.conversation_id FROM messages m
  WHERE m.tenant_id = $1 AND m.channel_account_id = w.account AND m.external_id = w.external
  UNION ALL
  SELECT NULL, x.conversation_id FROM message_marks x
  WHERE x.tenant_id = $1 AND x.channel_account_id = w.account AND x.external_id = w.external) k`

	knownExternalID = `
SELECT m.channel_account_id, m.external_id, m.id, m.conversation_id FROM messages m
WHERE m.tenant_id = $1 AND m.channel_account_id = $2 AND m.external_id = $3
UNION ALL
SELECT x.channel_account_id, x.external_id, NULL, x.conversation_id FROM message_marks x
WHERE x.tenant_id = $1 AND x.channel_account_id = $2 AND x.external_id = $3`
)

// The most frequent case in one statement: somebody known goes on with a conversation in progress. The contact is locked before the conversation,
// and a conversation that was resolved by whoever held either of them is not found any more. Nobody is found or locked who has none in progress.
const lockTalk = `
SELECT i.kind, i.value, i.invalid_at, c.id, c.name, c.version, c.created_at,
  v.tenant_id, v.id, v.contact_id, v.channel_account_id, v.team_id, v.status, v.assignee_id, v.version, v.last_seq, v.inbound_count,
  v.last_message_at, v.last_inbound_at, v.preview, v.snoozed_until, v.snooze_gen, v.resolved_at, v.resolved_at_seq, v.follow_up_at, v.created_at
FROM contact_identities i JOIN contacts c ON c.tenant_id = $1 AND c.id = i.contact_id
JOIN conversations v ON v.tenant_id = $1 AND v.contact_id = i.contact_id AND v.channel_account_id = $4 AND v.status IN ('OPEN', 'SNOOZED')
WHERE i.tenant_id = $1 AND i.kind = $2 AND i.value = $3
FOR NO KEY UPDATE OF c, v`

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
	standing, batch := inbox.Standing{}, &pgx.Batch{}
	sql, args := tx.known(arriving.Refs)
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		standing.Known, err = scanKnown(rows)
		return err
	})
	if len(arriving.Senders) == 1 && len(arriving.Accounts) == 1 && len(arriving.Others) == 0 {
		sender := arriving.Senders[0]
		batch.Queue(lockTalk, tx.tenant, string(sender.Kind), sender.Value, arriving.Accounts[0]).Query(func(rows pgx.Rows) error {
			return scanTalk(rows, &standing)
		})
		if err := tx.conn.SendBatch(ctx, batch).Close(); err != nil || len(standing.Conversations) > 0 {
			return standing, err
		}
		batch = &pgx.Batch{}
	}
	kinds, names := identityColumns(arriving.Senders)
	batch.Queue(lockPeople, tx.tenant, kinds, names).Query(func(rows pgx.Rows) error { return scanPeople(rows, &standing) })
	batch.Queue(lockNewest, tx.tenant, kinds, names, arriving.Accounts, notNil(arriving.Others)).Query(func(rows pgx.Rows) (err error) {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[gen.Conversation])
		standing.Conversations = column(found, conversation)
		return err
	})
	return standing, tx.conn.SendBatch(ctx, batch).Close()
}

// known returns the statement that looks the ids up, with its values.
func (tx *Tx) known(refs []inbox.ExternalRef) (sql string, args []any) {
	if len(refs) == 1 {
		return knownExternalID, []any{tx.tenant, refs[0].ChannelAccountID, refs[0].ExternalID}
	}
	accounts, externals := refColumns(refs)
	return knownExternalIDs, []any{tx.tenant, accounts, externals}
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

// namedPerson takes an identity and its contact.
type namedPerson struct {
	kind, value string
	invalid     *time.Time
	contact     inbox.Contact
}

func (p *namedPerson) targets() []any {
	return []any{&p.kind, &p.value, &p.invalid, &p.contact.ID, &p.contact.Name, &p.contact.Version, &p.contact.CreatedAt}
}

// enter adds the person to what stands; the identities of one contact follow each other.
func (p *namedPerson) enter(into *inbox.Standing) {
	into.Identities = append(into.Identities, inbox.Identity{
		Kind: inbox.IdentityKind(p.kind), Value: p.value, ContactID: p.contact.ID, InvalidAt: utc(p.invalid),
	})
	if n := len(into.Contacts); n == 0 || into.Contacts[n-1].ID != p.contact.ID {
		p.contact.CreatedAt = p.contact.CreatedAt.UTC()
		into.Contacts = append(into.Contacts, p.contact)
	}
}

// scanPeople reads one row an identity.
func scanPeople(rows pgx.Rows, into *inbox.Standing) error {
	var p namedPerson
	_, err := pgx.ForEachRow(rows, p.targets(), func() error {
		p.enter(into)
		return nil
	})
	return err
}

// scanTalk reads the one row of lockTalk, if it is there.
func scanTalk(rows pgx.Rows, into *inbox.Standing) error {
	var p namedPerson
	var v gen.Conversation
	targets := append(p.targets(), &v.TenantID, &v.ID, &v.ContactID, &v.ChannelAccountID, &v.TeamID, &v.Status, &v.AssigneeID, &v.Version, &v.LastSeq,
		&v.InboundCount, &v.LastMessageAt, &v.LastInboundAt, &v.Preview, &v.SnoozedUntil, &v.SnoozeGen, &v.ResolvedAt, &v.ResolvedAtSeq, &v.FollowUpAt,
		&v.CreatedAt)
	_, err := pgx.ForEachRow(rows, targets, func() error {
		p.enter(into)
		into.Conversations = append(into.Conversations, conversation(v))
		return nil
	})
	return err
}

// KnownExternalIDs implements inbox.RouteRows.
func (tx *Tx) KnownExternalIDs(ctx context.Context, refs []inbox.ExternalRef) (map[inbox.ExternalRef]inbox.Known, error) {
	sql, args := tx.known(refs)
	rows, err := tx.conn.Query(ctx, sql, args...)
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
