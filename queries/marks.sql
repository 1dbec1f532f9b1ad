-- name: InsertMarks :exec
INSERT INTO message_marks (tenant_id, id, channel_account_id, conversation_id, target_external_id, kind, text, external_id, raw,
  provider_at, created_at)
SELECT @tenant_id, k.id, k.channel_account_id, k.conversation_id, k.target_external_id, k.kind, k.text, k.external_id, k.raw,
  nullif(k.provider_at, '0001-01-01 00:00:00+00'::timestamptz), k.created_at
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@channel_account_ids::uuid[]) AS channel_account_id,
  unnest(@conversation_ids::uuid[]) AS conversation_id, unnest(@target_external_ids::text[]) AS target_external_id,
  unnest(@kinds::text[]) AS kind, unnest(@texts::text[]) AS text, unnest(@external_ids::text[]) AS external_id,
  unnest(@raws::bytea[]) AS raw, unnest(@provider_ats::timestamptz[]) AS provider_at,
  unnest(@created_ats::timestamptz[]) AS created_at) k;

-- name: MarksByTargets :many
-- Oldest first, as they came: the id is a time-ordered UUID. Most messages have none, which one look tells.
SELECT k.* FROM (SELECT unnest(@channel_account_ids::uuid[]) AS account, unnest(@target_external_ids::text[]) AS target) wanted
CROSS JOIN LATERAL (SELECT x.channel_account_id, x.target_external_id FROM message_marks x
  WHERE x.tenant_id = @tenant_id AND x.channel_account_id = wanted.account AND x.target_external_id = wanted.target LIMIT 1) marked
CROSS JOIN unnest(ARRAY['REACTION', 'EDIT', 'DELETION']) AS kinds (kind)
CROSS JOIN LATERAL (SELECT n.* FROM message_marks n
  WHERE n.tenant_id = @tenant_id AND n.channel_account_id = marked.channel_account_id AND n.target_external_id = marked.target_external_id
    AND n.kind = kinds.kind ORDER BY n.created_at DESC, n.id DESC LIMIT 1) k
ORDER BY k.created_at, k.id;
