-- name: MessagesByIDs :many
SELECT id, conversation_id, channel_account_id, seq, inbound_no, direction, kind, text, content, external_id, reply_to, author_agent_id,
  author_api_key_id, correlation_id, retry_of, on_unknown, status, failed_code, failed_reason, sent_at, delivered_at, read_at,
  failed_at, provider_at, version, created_at
FROM messages WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id;

-- NO KEY: a row that refers to the message need not wait for this lock.
-- name: LockMessages :many
SELECT id, conversation_id, channel_account_id, seq, inbound_no, direction, kind, text, content, external_id, reply_to, author_agent_id,
  author_api_key_id, correlation_id, retry_of, on_unknown, status, failed_code, failed_reason, sent_at, delivered_at, read_at,
  failed_at, provider_at, version, created_at
FROM messages WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: MessagesByExternalIDs :many
-- The pairs run side by side: an external id is unique only within its channel account.
SELECT m.id, m.conversation_id, m.channel_account_id, m.seq, m.inbound_no, m.direction, m.kind, m.text, m.content, m.external_id,
  m.reply_to, m.author_agent_id, m.author_api_key_id, m.correlation_id, m.retry_of, m.on_unknown, m.status, m.failed_code,
  m.failed_reason, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.provider_at, m.version, m.created_at
FROM (SELECT unnest(@channel_account_ids::uuid[]) AS account, unnest(@external_ids::text[]) AS external) wanted
JOIN messages m ON m.tenant_id = @tenant_id AND m.channel_account_id = wanted.account AND m.external_id = wanted.external
ORDER BY m.id;

-- name: MessageRetries :many
SELECT id, retry_of::uuid AS retry_of FROM messages
WHERE tenant_id = @tenant_id AND retry_of = ANY (@ids::uuid[]) ORDER BY id;

-- name: MessageRaws :many
SELECT id, raw::bytea AS raw FROM messages
WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) AND raw IS NOT NULL ORDER BY id;

-- name: BumpMessages :many
UPDATE messages SET version = version + 1 WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) RETURNING id, version;
