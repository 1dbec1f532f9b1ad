-- name: ChannelAccountsByIDs :many
SELECT id, channel, provider, external_ref, name, team_id, status, settings, endpoint_id, created_at
FROM channel_accounts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: SealedCredentials :many
SELECT id, credentials_sealed FROM channel_accounts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);
