-- name: PlaceOfMessage :one
SELECT m.seq, coalesce((
  SELECT i.inbound_no FROM messages i
  WHERE i.tenant_id = m.tenant_id AND i.conversation_id = m.conversation_id AND i.seq <= m.seq AND i.inbound_no IS NOT NULL
  ORDER BY i.seq DESC LIMIT 1), 0)::bigint AS inbound_no
FROM messages m WHERE m.tenant_id = @tenant_id AND m.conversation_id = @conversation_id AND m.id = @message_id;

-- A cursor never moves back, whatever the order in which two clients of an agent report.
-- name: MoveReadCursor :execrows
INSERT INTO read_cursors AS r (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at)
VALUES (@tenant_id, @agent_id, @conversation_id, @seq, @inbound_no, @read_at)
ON CONFLICT (tenant_id, agent_id, conversation_id) DO UPDATE
SET seq = EXCLUDED.seq, inbound_no = EXCLUDED.inbound_no, read_at = EXCLUDED.read_at WHERE r.seq < EXCLUDED.seq;

-- name: UnreadCounts :many
SELECT a.id::uuid AS agent_id, c.id AS conversation_id, c.channel_account_id, c.assignee_id,
  greatest(c.inbound_count - coalesce(r.inbound_no, 0), 0)::bigint AS unread
FROM conversations c CROSS JOIN unnest(@agents::uuid[]) AS a (id)
LEFT JOIN read_cursors r ON r.tenant_id = c.tenant_id AND r.agent_id = a.id AND r.conversation_id = c.id
WHERE c.tenant_id = @tenant_id AND c.id = ANY (@conversations::uuid[]);
