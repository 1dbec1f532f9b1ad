-- name: AgentsByIDs :many
SELECT id, email, name, role, status, created_at FROM agents WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);
