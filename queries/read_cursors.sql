-- Not two at once: whoever writes the first cursor of an agent in a conversation writes it alone, or runs again.
-- name: InsertReadCursor :exec
INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at)
VALUES (@tenant_id, @agent_id, @conversation_id, @seq, @inbound_no, @read_at);

-- name: UpdateReadCursor :exec
UPDATE read_cursors SET seq = @seq, inbound_no = @inbound_no, read_at = @read_at
WHERE tenant_id = @tenant_id AND agent_id = @agent_id AND conversation_id = @conversation_id;

-- name: UnreadCounts :many
SELECT a.id::uuid AS agent_id, c.id AS conversation_id, c.channel_account_id, c.assignee_id,
  greatest(c.inbound_count - coalesce(r.inbound_no, 0), 0)::bigint AS unread
FROM conversations c CROSS JOIN unnest(@agents::uuid[]) AS a (id)
LEFT JOIN read_cursors r ON r.tenant_id = c.tenant_id AND r.agent_id = a.id AND r.conversation_id = c.id
WHERE c.tenant_id = @tenant_id AND c.id = ANY (@conversations::uuid[]);
