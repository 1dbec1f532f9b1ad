-- +goose NO TRANSACTION
-- +goose Up
-- Of the reactions, edits and deletions of a message the newest of each kind are read, however many there are: all of them stay, since they are what
-- makes a redelivery harmless.
DROP INDEX CONCURRENTLY IF EXISTS message_marks_newest_idx;
CREATE INDEX CONCURRENTLY message_marks_newest_idx ON message_marks (tenant_id, channel_account_id, target_external_id, kind, created_at, id);
DROP INDEX CONCURRENTLY IF EXISTS message_marks_target_idx;
