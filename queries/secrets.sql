-- name: SealedValues :many
-- Those that are not under the key: a sealed value begins with the form's version, the length of its key's id, and the id.
SELECT s.place, s.row_id, s.sealed FROM (
  SELECT 'channel_accounts'::text AS place, a.id AS row_id, a.credentials_sealed AS sealed FROM channel_accounts a WHERE a.tenant_id = @tenant_id
  UNION ALL
  SELECT 'refresh_tokens', r.id, r.successor_sealed FROM refresh_tokens r WHERE r.tenant_id = @tenant_id AND r.successor_sealed IS NOT NULL
  UNION ALL
  SELECT 'tenants', t.tenant_id, t.alert_secret_sealed FROM tenants t WHERE t.tenant_id = @tenant_id AND t.alert_secret_sealed IS NOT NULL
) s
WHERE (s.place > @after_place::text OR s.place = @after_place::text AND s.row_id > @after_row::uuid)
  AND substr(s.sealed, 1, 2 + octet_length(@key::text)) <>
    '\x01'::bytea || set_byte('\x00'::bytea, 0, octet_length(@key::text)) || convert_to(@key::text, 'UTF8')
ORDER BY s.place, s.row_id LIMIT @most;

-- name: ReplaceCredentials :execrows
UPDATE channel_accounts SET credentials_sealed = @sealed WHERE tenant_id = @tenant_id AND id = @id AND credentials_sealed = @was;

-- name: ReplaceSuccessor :execrows
UPDATE refresh_tokens SET successor_sealed = @sealed WHERE tenant_id = @tenant_id AND id = @id AND successor_sealed = @was;

-- name: ReplaceAlertSecret :execrows
UPDATE tenants SET alert_secret_sealed = @sealed WHERE tenant_id = @tenant_id AND tenant_id = @id AND alert_secret_sealed = @was;
