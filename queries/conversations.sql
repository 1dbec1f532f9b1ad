-- name: ConversationsByIDs :many
SELECT * FROM conversations WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- NO KEY: a message or read cursor that refers to the conversation need not wait for this lock.
-- name: LockConversations :many
SELECT * FROM conversations WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: ActiveConversation :one
SELECT id FROM conversations
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND channel_account_id = @channel_account_id
  AND status IN ('OPEN', 'SNOOZED');
