-- +goose Up
-- A line of the journal names a channel account of its tenant, and that account names the tenant: the second key said nothing new, and locking
-- the tenant's row for every transaction of the journal cost more than writing the line.
ALTER TABLE webhook_items DROP CONSTRAINT IF EXISTS webhook_items_tenant_id_fkey;

-- It resolves no name, so it needs no search path of its own; to set and reset one took longer than its work.
ALTER FUNCTION app.must(boolean, text) RESET search_path;
