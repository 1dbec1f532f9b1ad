-- +goose Up
-- Who writes an event or an item of the journal says into which volume. The default was for a binary from before volumes; a statement that forgot
-- the volume would put its rows into the first one, which may be dropped tomorrow, or is gone. Now it is refused.
ALTER TABLE events ALTER COLUMN volume DROP DEFAULT;
ALTER TABLE webhook_items ALTER COLUMN volume DROP DEFAULT;
ALTER TABLE app.unrouted_webhook_items ALTER COLUMN volume DROP DEFAULT;

-- More tables that grow with messages. ARCHITECTURE says of each why it is cleaned as it is.
ALTER TABLE attachments SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE message_marks SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000);
-- As the volumes after it have it.
ALTER TABLE IF EXISTS history.unrouted_webhook_items_1 SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000,
  autovacuum_analyze_scale_factor = 0.02);
