-- name: AgentByEmail :one
SELECT id, password_hash, status = 'ACTIVE' AS active FROM agents WHERE tenant_id = @tenant_id AND email_folded = @email_folded;

-- name: InsertRefreshToken :exec
INSERT INTO refresh_tokens (tenant_id, id, agent_id, family_id, hash, created_at, expires_at)
VALUES (@tenant_id, @id, @agent_id, @family_id, @hash, @created_at, @expires_at);

-- name: LockRefreshToken :one
SELECT * FROM refresh_tokens WHERE tenant_id = @tenant_id AND hash = @hash FOR UPDATE;

-- name: SpendRefreshToken :exec
UPDATE refresh_tokens SET spent_at = @spent_at, spent_nonce = @spent_nonce, successor_sealed = @successor_sealed
WHERE tenant_id = @tenant_id AND id = @id;

-- name: EndSession :execrows
UPDATE refresh_tokens SET revoked_at = @at::timestamptz, successor_sealed = NULL
WHERE tenant_id = @tenant_id AND family_id = @session_id AND revoked_at IS NULL;

-- name: AgentAccess :one
SELECT a.role, (
  SELECT coalesce(array_agg(c.id ORDER BY c.id), '{}')::uuid[] FROM channel_accounts c
  WHERE c.tenant_id = a.tenant_id AND (c.team_id IS NULL OR EXISTS (
    SELECT FROM team_members m WHERE m.tenant_id = a.tenant_id AND m.team_id = c.team_id AND m.agent_id = a.id))
) AS accounts
FROM agents a JOIN tenants t ON t.tenant_id = a.tenant_id
WHERE a.tenant_id = @tenant_id AND a.id = @agent_id AND a.status = 'ACTIVE' AND t.status = 'ACTIVE'
  AND EXISTS (SELECT FROM refresh_tokens r WHERE r.tenant_id = a.tenant_id AND r.family_id = @session_id AND r.agent_id = a.id
    AND r.revoked_at IS NULL AND r.expires_at > @now);

-- name: APIKeyByHash :one
SELECT k.id, k.scopes, k.last_used_at, k.expires_at FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id
WHERE k.tenant_id = @tenant_id AND k.hash = @hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > @now::timestamptz)
  AND t.status = 'ACTIVE';

-- name: TouchAPIKey :exec
UPDATE api_keys SET last_used_at = @at::timestamptz WHERE tenant_id = @tenant_id AND id = @id;

-- name: EndSessionsOf :exec
UPDATE refresh_tokens SET revoked_at = @at::timestamptz, successor_sealed = NULL
WHERE tenant_id = @tenant_id AND agent_id = @agent_id AND revoked_at IS NULL;
