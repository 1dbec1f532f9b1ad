-- +goose NO TRANSACTION
-- +goose Up
-- Rows that have been called and go on: few, and somewhere in the queue of their lane by when they are due. What of them expires while the lane is
-- held is found here; everything else expires in the order of the queue. A row that has not been called is not in it.
DROP INDEX CONCURRENTLY IF EXISTS dispatches_called_before_idx;
CREATE INDEX CONCURRENTLY dispatches_called_before_idx ON dispatches (tenant_id, channel_account_id, expires_at)
  WHERE passable_at IS NOT NULL OR hold IS NOT NULL;
