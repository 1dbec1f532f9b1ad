-- name: TeamsByIDs :many
SELECT * FROM teams WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);
