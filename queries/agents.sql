-- name: AgentsByIDs :many
SELECT id, email, name, role, status, created_at FROM agents WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: InsertAgent :exec
WITH made AS (
  INSERT INTO agents (tenant_id, id, email, email_folded, name, role, password_hash, created_at)
  VALUES (@tenant_id, @id, @email, @email_folded, @name, @role, @password_hash, @created_at)
  RETURNING tenant_id, id
)
INSERT INTO team_members (tenant_id, team_id, agent_id)
SELECT made.tenant_id, team.id, made.id FROM made, unnest(@teams::uuid[]) AS team(id);

-- name: AgentIDsOfTeam :many
SELECT a.id FROM agents a
WHERE a.tenant_id = @tenant_id AND a.status = 'ACTIVE' AND (sqlc.narg(team_id)::uuid IS NULL OR EXISTS (
  SELECT FROM team_members m WHERE m.tenant_id = a.tenant_id AND m.agent_id = a.id AND m.team_id = sqlc.narg(team_id)))
ORDER BY a.id;

-- name: ActiveAgents :many
SELECT id, email, name, role, status, created_at FROM agents WHERE tenant_id = @tenant_id AND status = 'ACTIVE'
ORDER BY name, id LIMIT @most;

-- name: SetAgentStatus :one
UPDATE agents SET status = @status WHERE tenant_id = @tenant_id AND email_folded = @email_folded RETURNING id;
