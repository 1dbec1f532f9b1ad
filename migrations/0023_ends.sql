-- +goose Up
-- The journal of a volume was dropped when its beginning was old enough, whatever had been written into it since: of a volume that stayed open for
-- longer than a week also rows of the same day, and with them items in quarantine that nobody could have replayed yet. Now its end decides, as
-- it does for events: each row is kept for the second interval less a week, and one of a volume that was closed in time is gone after the second
-- interval. What is not written here is as in 0013.
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
    WHERE next.opened_at IS NOT NULL AND (v.retry_at IS NULL OR v.retry_at <= app.now())
      AND (v.events_kept AND next.opened_at <= app.now() - greatest(keep_events, interval '1 day')
        OR v.journal_kept AND next.opened_at <= app.now() - (greatest(keep_journal, interval '14 days') - interval '7 days'))
    ORDER BY v.volume LIMIT 1;
  IF NOT FOUND THEN
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
