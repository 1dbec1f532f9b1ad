-- +goose Up
-- Plans are made once a connection, for any tenant (plan_cache_mode = force_generic_plan), so Postgres takes a tenant to be as large as the average of
-- them. One large business among many small ones then gets plans for a small one: "a hundred rows, read them all and filter". So all tenants are
-- planned for as if each had a fiftieth of the table, and likewise an account and an agent: a plan that goes by the whole key costs a small business
-- nothing, and the other one costs a large business everything. Not fewer than fifty, or what counts a tenant's conversations would rather read the whole
-- table. What is stored, kept or locked does not depend on these numbers; they count from the next ANALYZE on.
-- Events and journal have one index for what is asked of them and need none of this.
-- +goose StatementBegin
DO $$
DECLARE
  col record;
BEGIN
  FOR col IN SELECT a.attrelid::regclass AS tab, a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname IN ('tenant_id', 'channel_account_id', 'agent_id')
      AND a.atttypid = 'uuid'::regtype
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET (n_distinct = 50)', col.tab, col.name);
  END LOOP;
END $$;

-- The lanes that have rows in the queue, found by going from one to the next in the index: as many steps as there are such lanes, however
-- many rows each has and however many accounts have none. It has no settings of its own, so that it becomes a part of the statement that calls it
-- and goes no further than that one needs; all names in it are qualified.
CREATE FUNCTION app.queued_lanes() RETURNS TABLE (tenant_id uuid, channel_account_id uuid) LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE lane AS (
    (SELECT d.tenant_id, d.channel_account_id FROM public.dispatches d ORDER BY d.tenant_id, d.channel_account_id LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.channel_account_id FROM lane l CROSS JOIN LATERAL (
      SELECT d.tenant_id, d.channel_account_id FROM public.dispatches d
      WHERE (d.tenant_id, d.channel_account_id) > (l.tenant_id, l.channel_account_id)
      ORDER BY d.tenant_id, d.channel_account_id LIMIT 1) n)
  SELECT l.tenant_id, l.channel_account_id FROM lane l
$$;
REVOKE ALL ON FUNCTION app.queued_lanes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.queued_lanes() TO switchboard_sweeper;

-- (SELECT app.now()) is evaluated once, app.now() for every lane, which cost more than all the rest.
CREATE OR REPLACE FUNCTION app.due_lanes(most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT l.tenant_id, l.channel_account_id FROM app.queued_lanes() l
      CROSS JOIN LATERAL (SELECT FROM public.dispatches d
        WHERE d.tenant_id = l.tenant_id AND d.channel_account_id = l.channel_account_id AND NOT d.waits AND d.due_at <= (SELECT app.now())
        LIMIT 1) d
      LIMIT most $$;

CREATE OR REPLACE FUNCTION app.stuck_dispatches(patience interval, most int) RETURNS TABLE (tenant_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.tenant_id, d.message_id FROM app.queued_lanes() l
      CROSS JOIN LATERAL (SELECT x.* FROM public.dispatches x
        WHERE x.tenant_id = l.tenant_id AND x.channel_account_id = l.channel_account_id AND x.waits IN (false, true)
          AND x.due_at <= (SELECT app.now() - patience) AND x.queued_at <= (SELECT app.now() - patience) AND x.hold IS NULL
          AND NOT EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = x.tenant_id AND a.kind = 'STUCK'
                            AND a.subject_id = x.message_id AND a.closed_at IS NULL)
        LIMIT most) d
      LIMIT most $$;

-- LIMIT keeps each tenant's end of the log a look-up by its time; without it Postgres read all logs to compare them.
CREATE OR REPLACE FUNCTION app.unsealed_tenants(most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      LEFT JOIN LATERAL (SELECT l.at FROM public.audit_seals s JOIN public.audit_log l ON l.tenant_id = s.tenant_id AND l.id = s.audit_id
                         WHERE s.tenant_id = t.tenant_id ORDER BY s.no DESC LIMIT 1) last ON true
      CROSS JOIN LATERAL (SELECT FROM public.audit_log l WHERE l.tenant_id = t.tenant_id
        AND l.at >= coalesce(last.at - interval '1 hour', '-infinity')
        AND NOT EXISTS (SELECT FROM public.audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id) LIMIT 1) open
      LIMIT most $$;
-- +goose StatementEnd
