-- name: FinishAttempts :exec
-- An attempt that a receipt has proved accepted stays so.
UPDATE delivery_attempts a
SET finished_at = coalesce(a.finished_at, app.now()),
  outcome = CASE WHEN a.outcome = 'ACCEPTED' THEN 'ACCEPTED' ELSE u.outcome END,
  class = CASE WHEN a.outcome = 'ACCEPTED' THEN a.class ELSE nullif(u.class, '') END,
  code = CASE WHEN a.outcome = 'ACCEPTED' THEN a.code ELSE nullif(u.code, '') END,
  reason = CASE WHEN a.outcome = 'ACCEPTED' THEN a.reason ELSE nullif(u.reason, '') END,
  external_id = coalesce(a.external_id, nullif(u.external_id, ''))
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@outcomes::text[]) AS outcome, unnest(@classes::text[]) AS class,
  unnest(@codes::text[]) AS code, unnest(@reasons::text[]) AS reason, unnest(@external_ids::text[]) AS external_id) u
WHERE a.tenant_id = @tenant_id AND a.id = u.id;

-- name: LapseAttempts :many
-- The calls that were under way when their lease ran out.
UPDATE delivery_attempts a SET outcome = 'UNKNOWN', finished_at = app.now(), code = 'lease_expired', reason = 'The worker stopped during the call.'
FROM (SELECT unnest(@message_ids::uuid[]) AS message_id, unnest(@attempts::int[]) AS attempt) u
WHERE a.tenant_id = @tenant_id AND a.message_id = u.message_id AND a.attempt = u.attempt AND a.outcome = 'SENDING'
RETURNING a.message_id, extract(epoch FROM app.now() - a.started_at)::float8 AS seconds;

-- name: AttemptsByIDs :many
SELECT a.id, a.message_id, a.channel_account_id, a.recipient, a.external_id, m.conversation_id
FROM delivery_attempts a JOIN messages m ON m.tenant_id = a.tenant_id AND m.id = a.message_id
WHERE a.tenant_id = @tenant_id AND a.id = ANY (@ids::uuid[]);

-- name: AttemptsByExternalIDs :many
SELECT a.id, a.message_id, a.channel_account_id, a.recipient, a.external_id, m.conversation_id
FROM (SELECT unnest(@channel_account_ids::uuid[]) AS account, unnest(@external_ids::text[]) AS external_id) wanted
JOIN delivery_attempts a ON a.tenant_id = @tenant_id AND a.channel_account_id = wanted.account AND a.external_id = wanted.external_id
JOIN messages m ON m.tenant_id = a.tenant_id AND m.id = a.message_id
ORDER BY a.id;

-- name: AttemptsByMessageIDs :many
SELECT * FROM delivery_attempts WHERE tenant_id = @tenant_id AND message_id = ANY (@ids::uuid[]) ORDER BY message_id, attempt;

-- name: UnknownAttempts :many
SELECT DISTINCT message_id FROM delivery_attempts
WHERE tenant_id = @tenant_id AND message_id = ANY (@ids::uuid[]) AND outcome IN ('UNKNOWN', 'SENDING');

-- name: LastRecipient :one
SELECT recipient FROM delivery_attempts WHERE tenant_id = @tenant_id AND message_id = @message_id ORDER BY attempt DESC LIMIT 1;
