-- +goose Up
-- What a claim reads is to be as much as it takes, however long the queue is. A row behind an earlier one of its conversation waits: it is not
-- looked at before that one is finished or may be passed, so that a thousand messages to one person hide nobody else's. The rows of a
-- conversation that do not wait are its first ones.
ALTER TABLE dispatches ADD COLUMN waits boolean NOT NULL DEFAULT false;
DROP INDEX dispatches_lane_idx;
CREATE INDEX dispatches_lane_idx ON dispatches (tenant_id, channel_account_id, waits, due_at, message_id);
CREATE INDEX dispatches_passable_idx ON dispatches (tenant_id, channel_account_id, passable_at) WHERE passable_at IS NOT NULL;
-- Every claim writes each index of this table once a row. Sweeps find what is due, or has been for long, lane by lane in the index above.
DROP INDEX dispatches_due_idx;
DROP INDEX dispatches_queued_idx;

-- Attempts are made by the statement that has read their message, facts are added to messages that their transaction has locked, and no message is
-- ever deleted. Checking that again took a tenth of the database's work for a message, and locked its row and its account's once more.
-- `switchboard verify` finds what would be without a message.
ALTER TABLE delivery_attempts DROP CONSTRAINT delivery_attempts_tenant_id_message_id_fkey,
  DROP CONSTRAINT delivery_attempts_tenant_id_channel_account_id_fkey;
ALTER TABLE delivery_facts DROP CONSTRAINT delivery_facts_tenant_id_message_id_fkey;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.due_lanes(most int) RETURNS TABLE (tenant_id uuid, channel_account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT a.tenant_id, a.id FROM public.channel_accounts a
      WHERE EXISTS (SELECT FROM public.dispatches d
                    WHERE d.tenant_id = a.tenant_id AND d.channel_account_id = a.id AND NOT d.waits AND d.due_at <= app.now())
      LIMIT most $$;

CREATE OR REPLACE FUNCTION app.stuck_dispatches(patience interval, most int) RETURNS TABLE (tenant_id uuid, message_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.tenant_id, d.message_id FROM public.channel_accounts l
      CROSS JOIN LATERAL (SELECT x.* FROM public.dispatches x
        WHERE x.tenant_id = l.tenant_id AND x.channel_account_id = l.id AND x.waits IN (false, true) AND x.due_at <= app.now() - patience
          AND x.queued_at <= app.now() - patience AND x.hold IS NULL
          AND NOT EXISTS (SELECT FROM public.alerts a WHERE a.tenant_id = x.tenant_id AND a.kind = 'STUCK'
                            AND a.subject_id = x.message_id AND a.closed_at IS NULL)
        LIMIT most) d
      LIMIT most $$;
-- +goose StatementEnd
