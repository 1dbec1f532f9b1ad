-- name: ContactsByIDs :many
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: IdentitiesByContactIDs :many
SELECT * FROM contact_identities WHERE tenant_id = @tenant_id AND contact_id = ANY (@ids::uuid[])
ORDER BY contact_id, array_position(ARRAY['PHONE', 'EMAIL', 'META_USER_ID'], kind), created_at, value;
