-- name: LockReceipts :exec
-- Whoever attaches an external id and whoever brings a receipt for it take this lock before they look. The keys are sorted.
SELECT pg_advisory_xact_lock(k) FROM unnest(@keys::bigint[]) WITH ORDINALITY AS t(k, no) ORDER BY t.no;

-- name: InsertFacts :many
-- Of a kind the earliest is kept, and of two at the same time the lesser code and reason, so that order of arrival decides nothing.
-- Only of messages that are there, which the caller has locked.
INSERT INTO delivery_facts AS f (tenant_id, message_id, kind, at, first_seen_at, code, reason)
SELECT @tenant_id, u.message_id, u.kind, u.at, @now, nullif(u.code, ''), nullif(u.reason, '')
FROM (SELECT unnest(@message_ids::uuid[]) AS message_id, unnest(@kinds::text[]) AS kind, unnest(@ats::timestamptz[]) AS at,
  unnest(@codes::text[]) AS code, unnest(@reasons::text[]) AS reason) u
JOIN messages m ON m.tenant_id = @tenant_id AND m.id = u.message_id
ON CONFLICT ON CONSTRAINT delivery_facts_pkey DO UPDATE SET at = EXCLUDED.at, code = EXCLUDED.code, reason = EXCLUDED.reason
WHERE (EXCLUDED.at, coalesce(EXCLUDED.code, ''), coalesce(EXCLUDED.reason, '')) < (f.at, coalesce(f.code, ''), coalesce(f.reason, ''))
RETURNING f.message_id, f.kind, (f.xmax = 0)::boolean AS inserted;

-- name: FactsByMessageIDs :many
SELECT * FROM delivery_facts WHERE tenant_id = @tenant_id AND message_id = ANY (@ids::uuid[]) ORDER BY message_id, kind;

-- name: ParkFacts :many
INSERT INTO parked_facts AS p (tenant_id, channel_account_id, external_id, kind, at, code, reason, class, parked_at)
SELECT @tenant_id, u.account, u.external_id, u.kind, u.at, nullif(u.code, ''), nullif(u.reason, ''), nullif(u.class, ''), app.now()
FROM (SELECT unnest(@channel_account_ids::uuid[]) AS account, unnest(@external_ids::text[]) AS external_id, unnest(@kinds::text[]) AS kind,
  unnest(@ats::timestamptz[]) AS at, unnest(@codes::text[]) AS code, unnest(@reasons::text[]) AS reason, unnest(@classes::text[]) AS class) u
ON CONFLICT ON CONSTRAINT parked_facts_pkey DO UPDATE SET at = EXCLUDED.at, code = EXCLUDED.code, reason = EXCLUDED.reason, class = EXCLUDED.class
WHERE (EXCLUDED.at, coalesce(EXCLUDED.code, ''), coalesce(EXCLUDED.reason, '')) < (p.at, coalesce(p.code, ''), coalesce(p.reason, ''))
RETURNING p.channel_account_id, p.external_id, p.kind;

-- name: TakeParkedFacts :many
DELETE FROM parked_facts p
USING (SELECT unnest(@channel_account_ids::uuid[]) AS account, unnest(@external_ids::text[]) AS external_id) u
WHERE p.tenant_id = @tenant_id AND p.channel_account_id = u.account AND p.external_id = u.external_id
RETURNING p.*;

-- name: KnownParkedFacts :many
-- Parked receipts whose message is known by now; there are none unless something went wrong between two locks.
SELECT p.* FROM parked_facts p
WHERE p.tenant_id = @tenant_id AND EXISTS (SELECT FROM delivery_attempts a WHERE a.tenant_id = p.tenant_id
  AND a.channel_account_id = p.channel_account_id AND a.external_id = p.external_id)
ORDER BY p.parked_at LIMIT @most;

-- name: DropParkedFacts :execrows
DELETE FROM parked_facts WHERE tenant_id = @tenant_id AND parked_at <= app.now() - @age::interval;

-- name: HoldConversations :exec
SELECT count(*) FROM (SELECT FROM conversations WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE) c;

-- name: LockDeliveries :many
-- With what their events tell about the conversation, which the caller has locked.
SELECT m.id, m.conversation_id, m.channel_account_id, m.seq, m.status, m.kind, m.version, c.contact_id, c.team_id, c.assignee_id,
  c.status AS conversation_status
FROM messages m JOIN conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
WHERE m.tenant_id = @tenant_id AND m.id = ANY (@ids::uuid[]) AND m.direction = 'OUTBOUND' ORDER BY m.id FOR NO KEY UPDATE OF m;

-- name: AttachExternalIDs :exec
-- The first id stays; a message accepted twice has its other ids with its attempts.
UPDATE messages m SET external_id = u.external_id
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@external_ids::text[]) AS external_id) u
WHERE m.tenant_id = @tenant_id AND m.id = u.id AND m.external_id IS NULL;

-- name: UpdateDeliveries :exec
UPDATE messages m
SET status = u.status, failed_code = nullif(u.failed_code, ''), failed_reason = nullif(u.failed_reason, ''),
  sent_at = nullif(u.sent_at, '0001-01-01 00:00:00+00'::timestamptz),
  delivered_at = nullif(u.delivered_at, '0001-01-01 00:00:00+00'::timestamptz),
  read_at = nullif(u.read_at, '0001-01-01 00:00:00+00'::timestamptz),
  failed_at = nullif(u.failed_at, '0001-01-01 00:00:00+00'::timestamptz),
  external_id = coalesce(m.external_id, nullif(u.external_id, '')), version = m.version + 1
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@statuses::text[]) AS status, unnest(@failed_codes::text[]) AS failed_code,
  unnest(@failed_reasons::text[]) AS failed_reason, unnest(@sent_ats::timestamptz[]) AS sent_at,
  unnest(@delivered_ats::timestamptz[]) AS delivered_at, unnest(@read_ats::timestamptz[]) AS read_at,
  unnest(@failed_ats::timestamptz[]) AS failed_at, unnest(@external_ids::text[]) AS external_id) u
WHERE m.tenant_id = @tenant_id AND m.id = u.id;

-- name: InvalidateIdentities :exec
-- In the order of their keys, as every lock of more than one row.
UPDATE contact_identities i SET invalid_at = @now, invalid_reason = nullif(u.reason, '')
FROM (SELECT unnest(@addresses::text[]) AS value, unnest(@reasons::text[]) AS reason ORDER BY 1) u
WHERE i.tenant_id = @tenant_id AND i.kind IN ('PHONE', 'META_USER_ID') AND i.value = u.value AND i.invalid_at IS NULL;
