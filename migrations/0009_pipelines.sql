-- +goose Up
-- +goose StatementBegin
-- For writes whose answer nobody waits for: the statement itself must fail when it did not do what it had to, or the commit behind it in the
-- same message would stand.
CREATE FUNCTION app.must(held boolean, otherwise text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF held IS NOT TRUE THEN
    RAISE EXCEPTION '%', otherwise;
  END IF;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION app.must(boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.must(boolean, text) TO switchboard_app;

-- +goose StatementBegin
-- As it was, in a language that keeps the plan: it is asked for every webhook.
CREATE OR REPLACE FUNCTION app.accounts_by_ref(wanted_provider text, wanted_refs text[])
RETURNS TABLE (external_ref text, tenant_id uuid, channel_account_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$ BEGIN
  RETURN QUERY SELECT a.external_ref, a.tenant_id, a.id FROM public.channel_accounts a
      WHERE a.provider = wanted_provider AND a.external_ref = ANY (wanted_refs) AND a.status <> 'DISABLED';
END $$;
-- +goose StatementEnd

-- A queue is small and turns over all the time: dead rows are counted, not weighed against the size of the table, and taken away at once, or every
-- claim has to step over them. The same holds for the heads, which every change of a tenant updates.
ALTER TABLE dispatches SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000);
ALTER TABLE tenant_heads SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
