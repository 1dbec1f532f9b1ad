-- +goose Up
-- Tenants by their ids, going on behind one. Without an order, or by the age of what they have, a thousand tenants whose rows stay were listed at every
-- sweep, and no other one ever. The forms without "after" are those of the binary before.
-- +goose StatementBegin
CREATE FUNCTION app.alert_tenants(after uuid, most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      WHERE t.tenant_id > after AND EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = t.tenant_id AND a.closed_at IS NULL)
      ORDER BY t.tenant_id LIMIT most $$;

CREATE FUNCTION app.parked_tenants(after uuid, most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      WHERE t.tenant_id > after AND EXISTS (SELECT FROM public.parked_facts p WHERE p.tenant_id = t.tenant_id)
      ORDER BY t.tenant_id LIMIT most $$;

-- What is not written here is as in 0015.
CREATE FUNCTION app.unsealed_tenants(after uuid, most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      LEFT JOIN LATERAL (SELECT l.at FROM public.audit_seals s JOIN public.audit_log l ON l.tenant_id = s.tenant_id AND l.id = s.audit_id
                         WHERE s.tenant_id = t.tenant_id ORDER BY s.no DESC LIMIT 1) last ON true
      CROSS JOIN LATERAL (SELECT FROM public.audit_log l WHERE l.tenant_id = t.tenant_id
        AND l.at >= coalesce(last.at - interval '1 hour', '-infinity')
        AND NOT EXISTS (SELECT FROM public.audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id) LIMIT 1) open
      WHERE t.tenant_id > after ORDER BY t.tenant_id LIMIT most $$;

DO $$
DECLARE door regprocedure;
BEGIN
  GRANT CREATE ON SCHEMA app TO switchboard_sweeper;
  FOREACH door IN ARRAY ARRAY['app.alert_tenants(uuid, int)', 'app.parked_tenants(uuid, int)', 'app.unsealed_tenants(uuid, int)']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO switchboard_sweeper', door);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO switchboard_app', door);
  END LOOP;
  REVOKE CREATE ON SCHEMA app FROM switchboard_sweeper;
END $$;
-- +goose StatementEnd
