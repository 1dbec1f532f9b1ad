-- name: IngestAccounts :many
-- Where conversations of these accounts go, and the tenant's policy for those that were resolved.
SELECT a.id, a.team_id, t.reopen_within_days, t.reopen_keeps_assignee
FROM channel_accounts a JOIN tenants t ON t.tenant_id = a.tenant_id
WHERE a.tenant_id = @tenant_id AND a.id = ANY (@ids::uuid[]);

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

-- name: UpdateContacts :exec
UPDATE contacts c SET name = u.name, version = u.version
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@names::text[]) AS name, unnest(@versions::bigint[]) AS version) u
WHERE c.tenant_id = @tenant_id AND c.id = u.id;

-- name: ValidateIdentities :exec
-- A person who writes can be reached again.
UPDATE contact_identities i SET invalid_at = NULL, invalid_reason = NULL
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value) u
WHERE i.tenant_id = @tenant_id AND i.kind = u.kind AND i.value = u.value;
