-- name: InsertAPIKey :exec
INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at, expires_at)
VALUES (@tenant_id, @id, @name, @hash, @scopes, @created_at, @expires_at);
