-- name: ContactsByIDs :many
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: IdentitiesByContactIDs :many
SELECT * FROM contact_identities WHERE tenant_id = @tenant_id AND contact_id = ANY (@ids::uuid[])
ORDER BY contact_id, array_position(ARRAY['PHONE', 'EMAIL', 'META_USER_ID'], kind), created_at, value;

-- name: VisibleContacts :many
SELECT w.id::uuid AS id FROM unnest(@ids::uuid[]) AS w (id)
WHERE EXISTS (SELECT FROM conversations c WHERE c.tenant_id = @tenant_id AND c.contact_id = w.id
  AND (@everything::boolean OR c.assignee_id = @agent OR c.channel_account_id = ANY (@accounts::uuid[])));
