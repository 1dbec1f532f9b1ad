-- +goose Up
-- When Postgres cleans which table. Its default, a fifth of the table, means after 200,000 changes in a table of a million rows: too late
-- for the small and busy ones, whose dead rows every claim and every commit walks over, and too rarely for the large ones, whose
-- visibility map keeps counts and lists from reading rows.

-- One row a tenant, changed by every commit. Its free space (fillfactor) lets the page be tidied by whoever reads it; vacuum has only to
-- take what that left, soon, since everybody waits for this row.
ALTER TABLE tenant_heads SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
-- The queue and what is beside it: rows come and go, so the table is small and all of its history is dead. A claim walks its index from the
-- oldest end, where the dead are.
ALTER TABLE dispatches SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE lanes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE parked_facts SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Changed by every message, and with it their place in every list, which is indexed: none of these updates can be heap-only (HOT).
ALTER TABLE conversations SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE read_cursors SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Large: a few changes a row soon after it was written, then none for ever. A fiftieth keeps the visibility map near the newest rows, and the
-- work of one run small.
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE delivery_attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- Only ever added to: vacuum comes for the visibility map, and freezes on the way, so that no run in the far future has to read all of it.
ALTER TABLE events SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE webhook_items SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE delivery_facts SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000);
ALTER TABLE audit_log SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000);
