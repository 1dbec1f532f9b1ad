-- +goose Up
-- The only doors between tenants. Each is owned by switchboard_sweeper, which cannot log in and reads through policies of its own,
-- and returns ids only; whatever is done with an id happens under that tenant's own row security.

-- +goose StatementBegin
CREATE FUNCTION app.tenant_by_slug(wanted text) RETURNS TABLE (tenant_id uuid, status text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id, t.status FROM public.tenants t WHERE t.slug = wanted $$;

CREATE FUNCTION app.tenant_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t ORDER BY t.tenant_id $$;

CREATE FUNCTION app.account_by_endpoint(wanted_provider text, wanted_endpoint text)
RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.channel_accounts a
      WHERE a.endpoint_id = wanted_endpoint AND a.provider = wanted_provider $$;

CREATE FUNCTION app.accounts_by_ref(wanted_provider text, wanted_refs text[])
RETURNS TABLE (external_ref text, tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.external_ref, a.tenant_id, a.id FROM public.channel_accounts a
      WHERE a.provider = wanted_provider AND a.external_ref = ANY (wanted_refs) AND a.status <> 'DISABLED' $$;

CREATE FUNCTION app.heads(wanted uuid[]) RETURNS TABLE (tenant_id uuid, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT h.tenant_id, h.seq FROM public.tenant_heads h WHERE h.tenant_id = ANY (wanted) $$;

-- Lanes with a row whose time has come.
CREATE FUNCTION app.due_lanes(most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT DISTINCT d.tenant_id, d.channel_account_id
      FROM (SELECT x.tenant_id, x.channel_account_id FROM public.dispatches x
            WHERE x.due_at <= app.now() ORDER BY x.due_at LIMIT most) d $$;

CREATE FUNCTION app.due_snoozes(most int) RETURNS TABLE (tenant_id uuid, conversation_id uuid, snooze_gen bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.tenant_id, c.id, c.snooze_gen FROM public.conversations c
      WHERE c.status = 'SNOOZED' AND c.snoozed_until <= app.now() ORDER BY c.snoozed_until LIMIT most $$;

CREATE FUNCTION app.due_attachments(most int) RETURNS TABLE (tenant_id uuid, attachment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.attachments a
      WHERE a.due_at <= app.now() ORDER BY a.due_at LIMIT most $$;

-- Messages that have been waiting to be sent for longer than the given time past their due time, are not held, and have no open alert.
CREATE FUNCTION app.stuck_dispatches(patience interval, most int) RETURNS TABLE (tenant_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.tenant_id, d.message_id FROM public.dispatches d
      WHERE d.queued_at <= app.now() - patience AND d.due_at <= app.now() - patience AND d.hold IS NULL
        AND NOT EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = d.tenant_id AND a.kind = 'STUCK'
                          AND a.subject_id = d.message_id AND a.closed_at IS NULL)
      ORDER BY d.queued_at LIMIT most $$;

CREATE FUNCTION app.due_callbacks(most int) RETURNS TABLE (tenant_id uuid, alert_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.alerts a
      WHERE a.callback_due_at <= app.now() ORDER BY a.callback_due_at LIMIT most $$;

CREATE FUNCTION app.parked_tenants(most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT DISTINCT p.tenant_id FROM (SELECT x.tenant_id FROM public.parked_facts x ORDER BY x.parked_at LIMIT most) p $$;

CREATE FUNCTION app.unsealed_tenants(most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT DISTINCT u.tenant_id FROM (
        SELECT l.tenant_id FROM public.audit_log l
        WHERE NOT EXISTS (SELECT FROM public.audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id) LIMIT most) u $$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
DECLARE door regprocedure;
BEGIN
  GRANT CREATE ON SCHEMA app TO switchboard_sweeper;
  FOR door IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'app'::regnamespace AND p.prosecdef LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO switchboard_sweeper', door);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO switchboard_app', door);
  END LOOP;
  REVOKE CREATE ON SCHEMA app FROM switchboard_sweeper;
END $$;
-- +goose StatementEnd
