-- +goose Up
-- Tells the epoch too, so that whoever only asks for heads notices that a database was restored, or that another took over without its last commits. A
-- binary that asks for the two columns before goes on to get them.
DROP FUNCTION app.heads(uuid[]);
-- +goose StatementBegin
CREATE FUNCTION app.heads(wanted uuid[]) RETURNS TABLE (tenant_id uuid, seq bigint, epoch uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT h.tenant_id, h.seq, h.epoch FROM public.tenant_heads h WHERE h.tenant_id = ANY (wanted) $$;

DO $$
BEGIN
  GRANT CREATE ON SCHEMA app TO switchboard_sweeper;
  ALTER FUNCTION app.heads(uuid[]) OWNER TO switchboard_sweeper;
  REVOKE ALL ON FUNCTION app.heads(uuid[]) FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION app.heads(uuid[]) TO switchboard_app;
  REVOKE CREATE ON SCHEMA app FROM switchboard_sweeper;
END $$;
-- +goose StatementEnd
