-- name: ChannelAccountsByIDs :many
SELECT id, channel, provider, external_ref, name, team_id, status, settings, endpoint_id, created_at
FROM channel_accounts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: SealedCredentials :many
SELECT id, credentials_sealed FROM channel_accounts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: InsertChannelAccount :exec
INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, team_id, settings, credentials_sealed, endpoint_id,
  created_at)
VALUES (@tenant_id, @id, @channel, @provider, @external_ref, @name, @team_id, @settings, @credentials_sealed, @endpoint_id, @created_at);

-- name: VisibleAccounts :many
SELECT id, channel, provider, external_ref, name, team_id, status, settings, endpoint_id, created_at FROM channel_accounts
WHERE tenant_id = @tenant_id AND (@everything::boolean OR id = ANY (@accounts::uuid[])) ORDER BY name, id LIMIT @most;

-- name: RenewCredentials :execrows
UPDATE channel_accounts SET credentials_sealed = @credentials_sealed, status = 'ACTIVE'
WHERE tenant_id = @tenant_id AND id = @id AND status <> 'DISABLED';
