-- +goose NO TRANSACTION
-- +goose Up
-- Every message moves its conversation to the top of the lists, and so writes each index that the conversation is in. Indexes of the same columns are
-- split here by whether somebody is assigned: a conversation is in one of two, and a list of both is merged from both. So a list of what nobody has
-- taken of a team has an index too, and a message writes five or six index entries instead of seven. ARCHITECTURE lists who needs which.
--
-- Each is made beside whoever writes. One whose making was interrupted is there and of no use, so it is dropped before it is made again.
DROP INDEX CONCURRENTLY IF EXISTS conversations_assigned_idx;
CREATE INDEX CONCURRENTLY conversations_assigned_idx ON conversations (tenant_id, channel_account_id, status, last_message_at DESC, id DESC)
  WHERE assignee_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS conversations_team_assigned_idx;
CREATE INDEX CONCURRENTLY conversations_team_assigned_idx ON conversations (tenant_id, team_id, channel_account_id, status, last_message_at DESC, id DESC)
  WHERE assignee_id IS NOT NULL AND team_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS conversations_team_unassigned_idx;
CREATE INDEX CONCURRENTLY conversations_team_unassigned_idx ON conversations (tenant_id, team_id, channel_account_id, status, last_message_at DESC, id DESC)
  WHERE assignee_id IS NULL AND team_id IS NOT NULL;
-- The other half of conversations_active_key.
DROP INDEX CONCURRENTLY IF EXISTS conversations_resolved_idx;
CREATE INDEX CONCURRENTLY conversations_resolved_idx ON conversations (tenant_id, contact_id, channel_account_id, created_at DESC)
  WHERE status = 'RESOLVED';
DROP INDEX CONCURRENTLY IF EXISTS conversations_account_idx;
DROP INDEX CONCURRENTLY IF EXISTS conversations_team_idx;
DROP INDEX CONCURRENTLY IF EXISTS conversations_contact_idx;
