-- name: MessagesForwards :many
SELECT m.* FROM unnest(@conversations::uuid[]) AS w (id) CROSS JOIN LATERAL (
  SELECT x.id, x.conversation_id, x.channel_account_id, x.seq, x.inbound_no, x.direction, x.kind, x.text, x.content, x.external_id,
    x.reply_to, x.author_agent_id, x.author_api_key_id, x.correlation_id, x.retry_of, x.on_unknown, x.status, x.failed_code,
    x.failed_reason, x.sent_at, x.delivered_at, x.read_at, x.failed_at, x.provider_at, x.version, x.created_at
  FROM messages x WHERE x.tenant_id = @tenant_id AND x.conversation_id = w.id AND x.seq > @after
  ORDER BY x.seq LIMIT @most) m
ORDER BY m.conversation_id, m.seq;

-- name: MessagesBackwards :many
SELECT m.* FROM unnest(@conversations::uuid[]) AS w (id) CROSS JOIN LATERAL (
  SELECT x.id, x.conversation_id, x.channel_account_id, x.seq, x.inbound_no, x.direction, x.kind, x.text, x.content, x.external_id,
    x.reply_to, x.author_agent_id, x.author_api_key_id, x.correlation_id, x.retry_of, x.on_unknown, x.status, x.failed_code,
    x.failed_reason, x.sent_at, x.delivered_at, x.read_at, x.failed_at, x.provider_at, x.version, x.created_at
  FROM messages x WHERE x.tenant_id = @tenant_id AND x.conversation_id = w.id AND x.seq < @before
  ORDER BY x.seq DESC LIMIT @most) m
ORDER BY m.conversation_id, m.seq;
