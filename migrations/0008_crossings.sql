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

-- Lanes with a row whose time has come, or with a probe to send. It asks per account, so that one long queue hides no other lane.
CREATE FUNCTION app.due_lanes(most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.channel_accounts a
      WHERE EXISTS (SELECT FROM public.dispatches d
                    WHERE d.tenant_id = a.tenant_id AND d.channel_account_id = a.id AND d.due_at <= app.now())
      LIMIT most $$;

-- Lanes that a rate limit has been holding for longer than the given time, without an open alert about it.
CREATE FUNCTION app.limited_lanes(patience interval, most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.channel_accounts a
      WHERE EXISTS (SELECT FROM public.dispatches d WHERE d.tenant_id = a.tenant_id AND d.channel_account_id = a.id
                      AND d.hold = 'RATE_LIMIT' AND d.held_since <= app.now() - patience)
        AND NOT EXISTS (SELECT FROM public.alerts x WHERE x.tenant_id = a.tenant_id AND x.kind = 'RATE_LIMITED'
                          AND x.subject_id = a.id AND x.closed_at IS NULL)
      LIMIT most $$;

-- Tenants with an open alert, whose cause may have ended.
CREATE FUNCTION app.alert_tenants(most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      WHERE EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = t.tenant_id AND a.closed_at IS NULL) LIMIT most $$;

-- Tenants with idempotency keys that are no longer promised.
CREATE FUNCTION app.stale_key_tenants(age interval, most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT DISTINCT k.tenant_id FROM (SELECT x.tenant_id FROM public.idempotency_keys x
                                        WHERE x.created_at <= app.now() - age ORDER BY x.created_at LIMIT most) k $$;

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

-- Looks at the end of each tenant's log only: a row is written within seconds of its time, the hour allows for clocks that differ.
CREATE FUNCTION app.unsealed_tenants(most int) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.tenant_id FROM public.tenants t
      LEFT JOIN LATERAL (SELECT l.at FROM public.audit_seals s JOIN public.audit_log l ON l.tenant_id = s.tenant_id AND l.id = s.audit_id
                         WHERE s.tenant_id = t.tenant_id ORDER BY s.no DESC LIMIT 1) last ON true
      WHERE EXISTS (SELECT FROM public.audit_log l WHERE l.tenant_id = t.tenant_id
                      AND l.at >= coalesce(last.at - interval '1 hour', '-infinity')
                      AND NOT EXISTS (SELECT FROM public.audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id))
      LIMIT most $$;
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
