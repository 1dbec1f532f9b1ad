-- Waits for a transaction that is taking the same key. A key older than 24 hours is free again. No row: it is taken.
-- name: TakeKey :execrows
INSERT INTO idempotency_keys AS k (tenant_id, actor_id, key, operation, request_hash, created_at)
VALUES (@tenant_id, @actor_id, @key, @operation, @request_hash, app.now())
ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
SET operation = EXCLUDED.operation, request_hash = EXCLUDED.request_hash, result = '{}', created_at = EXCLUDED.created_at
WHERE k.created_at <= app.now() - interval '24 hours';

-- name: KeptCall :one
SELECT operation, request_hash, result FROM idempotency_keys
WHERE tenant_id = @tenant_id AND actor_id = @actor_id AND key = @key;

-- name: KeepResult :exec
UPDATE idempotency_keys SET result = @result WHERE tenant_id = @tenant_id AND actor_id = @actor_id AND key = @key;

-- name: PurgeKeys :execrows
DELETE FROM idempotency_keys k
WHERE k.tenant_id = @tenant_id AND (k.actor_id, k.key) IN (
  SELECT o.actor_id, o.key FROM idempotency_keys o
  WHERE o.tenant_id = @tenant_id AND o.created_at <= app.now() - interval '24 hours' LIMIT @most FOR UPDATE SKIP LOCKED);
