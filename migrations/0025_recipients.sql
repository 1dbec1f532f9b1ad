-- +goose Up
-- A row that waits behind one that may not be passed is not stuck while that one waits for the provider's limit of its recipient, or is being called:
-- such a limit may last for an hour, and again. What is not written here is as in 0024. hold = 'RECIPIENT' marks such a row since held_since.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.stuck_dispatches(patience interval, most int) RETURNS TABLE (tenant_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.tenant_id, d.message_id FROM app.queued_lanes() q
      LEFT JOIN public.lanes l ON l.tenant_id = q.tenant_id AND l.channel_account_id = q.channel_account_id
      CROSS JOIN LATERAL (SELECT x.* FROM public.dispatches x
        WHERE l.hold IS NULL AND l.breaker_opened_at IS NULL AND (l.limited_until IS NULL OR l.limited_until <= (SELECT app.now()))
          AND (l.freed_at IS NULL OR l.freed_at <= (SELECT app.now() - patience))
          AND x.tenant_id = q.tenant_id AND x.channel_account_id = q.channel_account_id AND x.waits IN (false, true)
          AND x.due_at <= (SELECT app.now() - patience) AND x.queued_at <= (SELECT app.now() - patience)
          AND NOT EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = x.tenant_id AND a.kind = 'STUCK'
                            AND a.subject_id = x.message_id AND a.closed_at IS NULL)
          AND EXISTS (SELECT FROM public.channel_accounts c WHERE c.tenant_id = x.tenant_id AND c.id = x.channel_account_id AND c.status = 'ACTIVE')
          AND (SELECT (e.hold = 'RECIPIENT' OR e.state <> 'READY') AND e.due_at > (SELECT app.now() - patience) FROM public.dispatches e
               WHERE e.tenant_id = x.tenant_id AND e.conversation_id = x.conversation_id AND e.seq < x.seq AND e.passable_at IS NULL
               ORDER BY e.seq LIMIT 1) IS NOT TRUE
        LIMIT most) d
      LIMIT most $$;
-- +goose StatementEnd
