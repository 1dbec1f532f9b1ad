-- name: InsertAPIKey :exec
INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at, expires_at)
VALUES (@tenant_id, @id, @name, @hash, @scopes, @created_at, @expires_at);

-- name: RevokeAPIKey :execrows
UPDATE api_keys SET revoked_at = @at::timestamptz WHERE tenant_id = @tenant_id AND id = @id AND revoked_at IS NULL;
