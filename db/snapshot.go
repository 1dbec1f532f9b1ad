package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// snapshotOf reads everything that a batch of events points to in one statement, where messages are wanted: rows come as JSON whose keys are the names of the domain's fields (case is not compared), each with the noun that it is.
const snapshotOf = `
WITH c AS MATERIALIZED (
  SELECT id, contact_id AS contactid, channel_account_id AS channelaccountid, team_id AS teamid, status, assignee_id AS assigneeid,
    version, last_seq AS lastseq, inbound_count AS inboundcount, last_message_at AS lastmessageat, last_inbound_at AS lastinboundat,
    preview, snoozed_until AS snoozeduntil, snooze_gen AS snoozegen, resolved_at AS resolvedat, resolved_at_seq AS resolvedatseq,
    follow_up_at AS followupat, created_at AS createdat
  FROM conversations WHERE tenant_id = $1 AND id = ANY ($2)
), mine AS MATERIALIZED (
  SELECT id FROM messages WHERE tenant_id = $1 AND id = ANY ($3)
), quoted AS MATERIALIZED (
  SELECT m.id AS by, q.id FROM messages m
  JOIN messages q ON q.tenant_id = m.tenant_id AND q.channel_account_id = m.channel_account_id AND q.external_id = m.reply_to
  WHERE m.tenant_id = $1 AND m.id = ANY ($3) AND m.reply_to IS NOT NULL
), m AS MATERIALIZED (
  SELECT id, conversation_id AS conversationid, channel_account_id AS channelaccountid, seq, inbound_no AS inboundno, direction, kind,
    text, content, external_id AS externalid, reply_to AS replyto, author_agent_id AS authoragentid,
    author_api_key_id AS authorapikeyid, correlation_id AS correlationid, retry_of AS retryof, on_unknown AS onunknown, status,
    failed_code AS failedcode, failed_reason AS failedreason, sent_at AS sentat, delivered_at AS deliveredat, read_at AS readat,
    failed_at AS failedat, provider_at AS providerat, version, created_at AS createdat
  FROM messages WHERE tenant_id = $1 AND id IN (SELECT id FROM mine UNION SELECT id FROM quoted)
), acc AS MATERIALIZED (
  SELECT id, channel, provider, external_ref AS externalref, name, team_id AS teamid, status,
    encode(convert_to(settings::text, 'UTF8'), 'base64') AS settings, endpoint_id AS endpointid, created_at AS createdat
  FROM channel_accounts WHERE tenant_id = $1 AND id IN (SELECT channelaccountid FROM c UNION SELECT channelaccountid FROM m)
)
SELECT 'conversation', c.id, row_to_json(c) FROM c
UNION ALL SELECT 'message', m.id, row_to_json(m) FROM m
UNION ALL SELECT 'quote', quoted.by, to_json(quoted.id) FROM quoted
UNION ALL SELECT 'account', acc.id, row_to_json(acc) FROM acc
UNION ALL SELECT 'contact', x.id, row_to_json(x) FROM (
  SELECT k.id, k.name, k.version, k.created_at AS createdat, (
    SELECT json_agg(json_build_object('kind', i.kind, 'value', i.value, 'contactid', i.contact_id, 'invalidat', i.invalid_at,
      'invalidreason', i.invalid_reason) ORDER BY array_position(ARRAY['PHONE', 'EMAIL', 'META_USER_ID'], i.kind), i.created_at, i.value)
    FROM contact_identities i WHERE i.tenant_id = k.tenant_id AND i.contact_id = k.id) AS identities
  FROM contacts k WHERE k.tenant_id = $1 AND k.id IN (SELECT contactid FROM c)) x
UNION ALL SELECT 'agent', x.id, row_to_json(x) FROM (
  SELECT id, email, name, role, status = 'DISABLED' AS disabled, created_at AS createdat FROM agents
  WHERE tenant_id = $1 AND id IN (SELECT assigneeid FROM c UNION SELECT authoragentid FROM m)) x
UNION ALL SELECT 'team', x.id, row_to_json(x) FROM (
  SELECT id, name, created_at AS createdat FROM teams
  WHERE tenant_id = $1 AND id IN (SELECT teamid FROM c UNION SELECT teamid FROM acc)) x
UNION ALL SELECT 'attachment', x.messageid, row_to_json(x) FROM (
  SELECT id, message_id AS messageid, channel_account_id AS channelaccountid, provider_media AS media, filename, mime_type AS mimetype,
    size_bytes AS sizebytes, encode(sha256, 'base64') AS sha256, blob_key AS blobkey, state, failed_reason AS failedreason, tries,
    due_at AS dueat, created_at AS createdat
  FROM attachments WHERE tenant_id = $1 AND message_id IN (SELECT id FROM m) ORDER BY id) x
UNION ALL SELECT 'mark', x.target, row_to_json(x) FROM (
  SELECT m.id AS target, k.id, k.channel_account_id AS channelaccountid, k.conversation_id AS conversationid,
    k.target_external_id AS targetexternalid, k.kind, k.text, k.external_id AS externalid, k.provider_at AS providerat,
    k.created_at AS createdat
  FROM m CROSS JOIN LATERAL (SELECT x.channel_account_id, x.target_external_id FROM message_marks x
    WHERE x.tenant_id = $1 AND x.channel_account_id = m.channelaccountid AND x.target_external_id = m.externalid LIMIT 1) marked
  CROSS JOIN unnest(ARRAY['REACTION', 'EDIT', 'DELETION']) AS kinds (kind)
  CROSS JOIN LATERAL (SELECT n.* FROM message_marks n
    WHERE n.tenant_id = $1 AND n.channel_account_id = marked.channel_account_id AND n.target_external_id = marked.target_external_id
      AND n.kind = kinds.kind ORDER BY n.created_at DESC, n.id DESC LIMIT 1) k
  ORDER BY k.created_at, k.id) x
UNION ALL SELECT 'retry', r.retry_of, to_json(r.id) FROM messages r
  WHERE r.tenant_id = $1 AND r.retry_of IN (SELECT id FROM m)`

// snapshot returns what the events point to, as this transaction sees it, or nothing of it where nothing is needed.
func (tx *Tx) snapshot(ctx context.Context, events []inbox.Event, reach inbox.Reach) (*inbox.Snapshot, error) {
	if !reach.Messages {
		return tx.conversationsOf(ctx, events, reach)
	}
	rows, err := tx.conn.Query(ctx, snapshotOf, tx.tenant,
		pointed(events, func(e *inbox.Event) *uuid.UUID { return e.ConversationID }),
		pointed(events, func(e *inbox.Event) *uuid.UUID { return e.MessageID }))
	if err != nil {
		return nil, err
	}
	parts := newSnapshotParts()
	var noun string
	var id uuid.UUID
	var raw []byte
	_, err = pgx.ForEachRow(rows, []any{&noun, &id, &raw}, func() error { return parts.add(noun, id, raw) })
	if err != nil {
		return nil, err
	}
	return parts.join(), nil
}

// pointed returns the ids that the items name, each once.
func pointed[T any](items []T, id func(*T) *uuid.UUID) []uuid.UUID {
	seen := make(map[uuid.UUID]bool, len(items))
	ids := make([]uuid.UUID, 0, len(items))
	for i := range items {
		if p := id(&items[i]); p != nil && !seen[*p] {
			seen[*p] = true
			ids = append(ids, *p)
		}
	}
	return ids
}

// snapshotParts collects rows in the order in which they come.
type snapshotParts struct {
	inbox.Snapshot
	quotes map[uuid.UUID]uuid.UUID
}

func newSnapshotParts() *snapshotParts {
	return &snapshotParts{
		quotes: map[uuid.UUID]uuid.UUID{},
		Snapshot: inbox.Snapshot{
			Reach:         inbox.WholeReach(),
			Conversations: map[uuid.UUID]*inbox.Conversation{}, Messages: map[uuid.UUID]*inbox.Message{},
			Attachments: map[uuid.UUID][]inbox.Attachment{}, Marks: map[uuid.UUID][]inbox.Mark{},
			Quotes: map[uuid.UUID]*inbox.Message{}, Retries: map[uuid.UUID]uuid.UUID{}, Contacts: map[uuid.UUID]*inbox.Contact{},
			Accounts: map[uuid.UUID]*inbox.ChannelAccount{}, Agents: map[uuid.UUID]*inbox.Agent{}, Teams: map[uuid.UUID]*inbox.Team{},
		},
	}
}

// add decodes one row. For attachments and marks the id is that of their message.
func (p *snapshotParts) add(noun string, id uuid.UUID, raw []byte) error {
	switch noun {
	case "conversation":
		return decodeInto(p.Conversations, id, raw)
	case "message":
		return decodeInto(p.Messages, id, raw)
	case "contact":
		return decodeInto(p.Contacts, id, raw)
	case "account":
		return decodeInto(p.Accounts, id, raw)
	case "agent":
		return decodeInto(p.Agents, id, raw)
	case "team":
		return decodeInto(p.Teams, id, raw)
	case "attachment":
		return decodeAdd(p.Attachments, id, raw)
	case "mark":
		return decodeAdd(p.Marks, id, raw)
	case "quote":
		return decodeValue(p.quotes, id, raw)
	case "retry":
		return decodeValue(p.Retries, id, raw)
	}
	return fmt.Errorf("a snapshot knows no %s", noun)
}

// join ties what was collected together and brings times to UTC, as every other read does.
func (p *snapshotParts) join() *inbox.Snapshot {
	for id, quoted := range p.quotes {
		p.Quotes[id] = p.Messages[quoted]
	}
	for _, c := range p.Conversations {
		c.LastMessageAt, c.CreatedAt = c.LastMessageAt.UTC(), c.CreatedAt.UTC()
		toUTC(&c.LastInboundAt, &c.SnoozedUntil, &c.ResolvedAt, &c.FollowUpAt)
	}
	for _, m := range p.Messages {
		m.CreatedAt = m.CreatedAt.UTC()
		toUTC(&m.SentAt, &m.DeliveredAt, &m.ReadAt, &m.FailedAt, &m.ProviderAt)
	}
	for _, c := range p.Contacts {
		c.CreatedAt = c.CreatedAt.UTC()
		for i := range c.Identities {
			toUTC(&c.Identities[i].InvalidAt)
		}
	}
	for _, attachments := range p.Attachments {
		for i := range attachments {
			attachments[i].CreatedAt = attachments[i].CreatedAt.UTC()
			toUTC(&attachments[i].DueAt)
		}
	}
	for _, marks := range p.Marks {
		for i := range marks {
			marks[i].CreatedAt = marks[i].CreatedAt.UTC()
			toUTC(&marks[i].ProviderAt)
		}
	}
	return p.rest()
}

func (p *snapshotParts) rest() *inbox.Snapshot {
	for _, a := range p.Accounts {
		a.CreatedAt = a.CreatedAt.UTC()
	}
	for _, a := range p.Agents {
		a.CreatedAt = a.CreatedAt.UTC()
	}
	for _, t := range p.Teams {
		t.CreatedAt = t.CreatedAt.UTC()
	}
	return &p.Snapshot
}

func toUTC(times ...**time.Time) {
	for _, t := range times {
		*t = utc(*t)
	}
}

func decodeInto[T any](into map[uuid.UUID]*T, id uuid.UUID, raw []byte) error {
	value := new(T)
	into[id] = value
	return json.Unmarshal(raw, value)
}

func decodeAdd[T any](into map[uuid.UUID][]T, id uuid.UUID, raw []byte) error {
	var value T
	err := json.Unmarshal(raw, &value)
	into[id] = append(into[id], value)
	return err
}

func decodeValue(into map[uuid.UUID]uuid.UUID, id uuid.UUID, raw []byte) error {
	var value uuid.UUID
	err := json.Unmarshal(raw, &value)
	into[id] = value
	return err
}
