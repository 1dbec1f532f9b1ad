-- +goose Up
-- A hold belongs to the lane, not to every row that waits in it: to hold a queue and to let it go takes as long for a million rows as for one.
-- What a message waits for is read from its lane. freed_at is when the last hold ended; waiting counts from then, so that nobody is alarmed about
-- a queue that has just been let go.
ALTER TABLE lanes ADD COLUMN hold text, ADD COLUMN held_since timestamptz, ADD COLUMN freed_at timestamptz;
CALL app.let_sweeper_read('lanes');

-- Rows whose call is under way or has to be explained: few, and due behind all that wait. A held lane settles them without reading its queue.
CREATE INDEX dispatches_called_idx ON dispatches (tenant_id, channel_account_id, due_at) WHERE state <> 'READY';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.limited_lanes(patience interval, most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT l.tenant_id, l.channel_account_id FROM public.lanes l
      WHERE l.hold = 'RATE_LIMIT' AND l.held_since <= (SELECT app.now() - patience)
        AND EXISTS (SELECT FROM public.dispatches d WHERE d.tenant_id = l.tenant_id AND d.channel_account_id = l.channel_account_id)
        AND NOT EXISTS (SELECT FROM public.alerts x WHERE x.tenant_id = l.tenant_id AND x.kind = 'RATE_LIMITED'
                          AND x.subject_id = l.channel_account_id AND x.closed_at IS NULL)
      LIMIT most $$;

CREATE OR REPLACE FUNCTION app.stuck_dispatches(patience interval, most int) RETURNS TABLE (tenant_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.tenant_id, d.message_id FROM app.queued_lanes() q
      LEFT JOIN public.lanes l ON l.tenant_id = q.tenant_id AND l.channel_account_id = q.channel_account_id
      CROSS JOIN LATERAL (SELECT x.* FROM public.dispatches x
        WHERE l.hold IS NULL AND (l.freed_at IS NULL OR l.freed_at <= (SELECT app.now() - patience))
          AND x.tenant_id = q.tenant_id AND x.channel_account_id = q.channel_account_id AND x.waits IN (false, true)
          AND x.due_at <= (SELECT app.now() - patience) AND x.queued_at <= (SELECT app.now() - patience)
          AND NOT EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = x.tenant_id AND a.kind = 'STUCK'
                            AND a.subject_id = x.message_id AND a.closed_at IS NULL)
        LIMIT most) d
      LIMIT most $$;
-- +goose StatementEnd
