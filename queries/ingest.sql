-- name: IngestAccounts :many
-- Where conversations of these accounts go, and the tenant's policy for those that were resolved.
SELECT a.id, a.team_id, t.reopen_within_days, t.reopen_keeps_assignee
FROM channel_accounts a JOIN tenants t ON t.tenant_id = a.tenant_id
WHERE a.tenant_id = @tenant_id AND a.id = ANY (@ids::uuid[]);

-- name: IdentitiesByValues :many
SELECT i.* FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value) wanted
JOIN contact_identities i ON i.tenant_id = @tenant_id AND i.kind = wanted.kind AND i.value = wanted.value;

-- name: InsertContacts :exec
INSERT INTO contacts (tenant_id, id, name, created_at)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@names::text[]), unnest(@created_ats::timestamptz[]);

-- name: InsertIdentities :exec
-- In the order of kind and value, so that two transactions that add the same people cannot wait for each other.
INSERT INTO contact_identities (tenant_id, kind, value, contact_id, created_at)
SELECT @tenant_id, i.kind, i.value, i.contact_id, i.created_at
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value, unnest(@contact_ids::uuid[]) AS contact_id,
  unnest(@created_ats::timestamptz[]) AS created_at) i
ORDER BY i.kind, i.value;

-- name: LockContacts :many
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: UpdateContacts :exec
UPDATE contacts c SET name = u.name, version = u.version
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@names::text[]) AS name, unnest(@versions::bigint[]) AS version) u
WHERE c.tenant_id = @tenant_id AND c.id = u.id;

-- name: ValidateIdentities :exec
-- A person who writes can be reached again.
UPDATE contact_identities i SET invalid_at = NULL, invalid_reason = NULL
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value) u
WHERE i.tenant_id = @tenant_id AND i.kind = u.kind AND i.value = u.value;

-- name: NewestConversations :many
-- Of each contact on each account: the active conversation, or else the one resolved last.
SELECT newest.id FROM (SELECT unnest(@contact_ids::uuid[]) AS contact, unnest(@channel_account_ids::uuid[]) AS account) pair
CROSS JOIN LATERAL (
  SELECT c.id FROM conversations c
  WHERE c.tenant_id = @tenant_id AND c.contact_id = pair.contact AND c.channel_account_id = pair.account
  ORDER BY c.status = 'RESOLVED', c.created_at DESC, c.id DESC LIMIT 1) newest;
