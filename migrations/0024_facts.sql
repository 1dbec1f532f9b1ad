-- +goose Up
-- Statements of a tenant are planned without sequential scans (db/tenant.go), which Postgres does by giving those a cost of thousands of millions; the
-- clock's only row was read by one, and with jit on, each call was then compiled as if it had so much to do. The key says the same.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.now() RETURNS timestamptz LANGUAGE plpgsql STABLE
AS $$ BEGIN RETURN pg_catalog.now() OPERATOR(pg_catalog.+) (SELECT c.shift FROM app.clock c WHERE c.the_only_row); END $$;

-- What holds a lane is said by whoever looks at it next, so a sweep before that look must not go by what is said alone: nothing is called stuck while
-- the facts explain it.
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
        LIMIT most) d
      LIMIT most $$;
-- +goose StatementEnd

-- A volume that somebody is reading is tried again later, and those after it wait for that: what is dropped is always the oldest. What is not written
-- here is as in 0023.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.turn_volumes(keep_events interval, keep_journal interval) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
  newest app.volumes;
  coming app.volumes;
  old record;
BEGIN
  LOCK TABLE app.volumes IN SHARE ROW EXCLUSIVE MODE; -- one at a time; reading goes on
  SELECT * INTO newest FROM app.volumes v WHERE v.opened_at IS NOT NULL ORDER BY v.volume DESC LIMIT 1;
  SELECT * INTO coming FROM app.volumes v WHERE v.volume = newest.volume + 1;
  IF NOT FOUND THEN
    INSERT INTO app.volumes (volume) VALUES (newest.volume + 1);
    CALL app.make_volume(newest.volume + 1);
    RETURN format('made volume %s', newest.volume + 1);
  END IF;
  IF newest.opened_at <= app.now() - interval '7 days' AND coming.made_at <= now() - interval '1 minute' THEN
    UPDATE app.volumes v SET opened_at = app.now() WHERE v.volume = coming.volume;
    RETURN format('opened volume %s', coming.volume);
  END IF;
  -- A volume has taken no rows since the next one was opened. The app role may ask for less than it is given.
  SELECT v.*, v.events_kept AND next.opened_at <= app.now() - greatest(keep_events, interval '1 day') AS events_due INTO old
    FROM app.volumes v JOIN app.volumes next ON next.volume = v.volume + 1
    WHERE next.opened_at IS NOT NULL
      AND (v.events_kept AND next.opened_at <= app.now() - greatest(keep_events, interval '1 day')
        OR v.journal_kept AND next.opened_at <= app.now() - (greatest(keep_journal, interval '14 days') - interval '7 days'))
    ORDER BY v.volume LIMIT 1;
  IF NOT FOUND OR old.retry_at > app.now() THEN
    RETURN '';
  END IF;
  BEGIN
    IF old.events_due THEN
      EXECUTE format('DROP TABLE history.events_%s', old.volume);
      UPDATE app.volumes v SET events_kept = false, retry_at = NULL WHERE v.volume = old.volume;
    ELSE
      EXECUTE format('DROP TABLE history.webhook_items_%s, history.unrouted_webhook_items_%1$s', old.volume);
      UPDATE app.volumes v SET journal_kept = false, retry_at = NULL WHERE v.volume = old.volume;
    END IF;
  EXCEPTION WHEN lock_not_available THEN
    UPDATE app.volumes v SET retry_at = app.now() + interval '10 minutes' WHERE v.volume = old.volume;
    RETURN format('could not drop volume %s: somebody is reading', old.volume);
  END;
  DELETE FROM app.volumes v WHERE NOT v.events_kept AND NOT v.journal_kept;
  RETURN format('dropped the %s of volume %s', CASE WHEN old.events_due THEN 'events' ELSE 'journal' END, old.volume);
END $$;
-- +goose StatementEnd
