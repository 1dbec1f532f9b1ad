-- +goose NO TRANSACTION
-- +goose Up
-- No statement looks a message up by its correlation id, which is shown with the message and kept in the audit log. Each message of another system wrote
-- this index.
DROP INDEX CONCURRENTLY IF EXISTS messages_correlation_idx;
