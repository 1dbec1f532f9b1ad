-- name: TeamsByIDs :many
SELECT * FROM teams WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: TeamsByNames :many
SELECT * FROM teams WHERE tenant_id = @tenant_id AND name = ANY (@names::text[]);

-- name: InsertTeam :exec
INSERT INTO teams (tenant_id, id, name, created_at) VALUES (@tenant_id, @id, @name, @created_at);

-- name: Teams :many
SELECT * FROM teams WHERE tenant_id = @tenant_id ORDER BY name, id LIMIT @most;

-- name: TeamsOfAgent :many
SELECT t.* FROM team_members m JOIN teams t ON t.tenant_id = m.tenant_id AND t.id = m.team_id
WHERE m.tenant_id = @tenant_id AND m.agent_id = @agent_id ORDER BY t.name, t.id;
