-- name: VisibleContacts :many
SELECT w.id::uuid AS id FROM unnest(@ids::uuid[]) AS w (id)
WHERE EXISTS (SELECT FROM conversations c WHERE c.tenant_id = @tenant_id AND c.contact_id = w.id
  AND (c.status IN ('OPEN', 'SNOOZED') OR c.status = 'RESOLVED') -- true of every row; each half has its index
  AND (@everything::boolean OR c.assignee_id = @agent OR c.channel_account_id = ANY (@accounts::uuid[])));
