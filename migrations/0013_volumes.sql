-- +goose Up
-- Events and the journal are kept in volumes: the rows of about a week, in a partition of their own that is thrown away as a whole. A volume
-- has a number, not a stretch of time, and rows go into the newest one that has been opened. So nothing depends on a job that did its work in
-- time: while no new volume is opened the old one grows, and no row is ever without a place. There is no DEFAULT partition to fall
-- into, whose rows would keep the right partition from being made.

-- +goose StatementBegin
DO $$
BEGIN
  BEGIN
    -- Owns the volumes and the tables they are parts of, makes and drops them in app.turn_volumes, and can do nothing else. Row security binds it.
    CREATE ROLE switchboard_keeper NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  IF NOT pg_has_role(current_user, 'switchboard_keeper', 'MEMBER') THEN
    EXECUTE format('GRANT switchboard_keeper TO %I', current_user);
  END IF;
END $$;
-- +goose StatementEnd

-- Nobody but the keeper may so much as name a volume: the app role reaches its rows through the whole table and that table's policy.
CREATE SCHEMA history;
GRANT USAGE, CREATE ON SCHEMA history TO switchboard_keeper;
GRANT USAGE ON SCHEMA public, app TO switchboard_keeper;
GRANT SELECT ON app.clock TO switchboard_keeper;
GRANT EXECUTE ON FUNCTION app.now() TO switchboard_keeper;

-- The volumes that are kept, in part at least. The newest that is open takes the rows; the one after it is made ahead.
CREATE TABLE app.volumes (
  volume       int PRIMARY KEY,
  made_at      timestamptz NOT NULL DEFAULT now(), -- by the real clock, which app.now() may not be
  opened_at    timestamptz,
  events_kept  boolean NOT NULL DEFAULT true,
  journal_kept boolean NOT NULL DEFAULT true,
  retry_at     timestamptz -- somebody was reading the part that was to be dropped: not before this time again
);
INSERT INTO app.volumes (volume, opened_at) SELECT 1, least(min(received_at), now()) FROM webhook_items;
GRANT SELECT ON app.volumes TO switchboard_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.volumes TO switchboard_keeper;

-- Grows with seq: it is carried on under the same row lock. So dropping a volume takes away a tenant's oldest events and never some from the
-- middle, and a cursor that reaches into what is gone is noticed.
ALTER TABLE tenant_heads ADD COLUMN volume int NOT NULL DEFAULT 1;

-- The defaults are for the binary before this one, which names no volume and may run for a while beside the new one.
ALTER TABLE events ADD COLUMN volume int NOT NULL DEFAULT 1;
ALTER TABLE webhook_items ADD COLUMN volume int NOT NULL DEFAULT 1;
ALTER TABLE app.unrouted_webhook_items ADD COLUMN volume int NOT NULL DEFAULT 1;

-- +goose StatementBegin
-- app.fence is the half of app.protect that a volume needs: the policy without the grants.
CREATE PROCEDURE app.fence(target regclass) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  -- A setting that was local to an earlier transaction comes back as '', hence nullif; the sub-select is evaluated once a query.
  EXECUTE format($p$CREATE POLICY tenant_isolation ON %s FOR ALL TO PUBLIC
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))$p$, target);
  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', target);
END $$;

CREATE OR REPLACE PROCEDURE app.protect(target regclass) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  CALL app.fence(target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO switchboard_app', target);
END $$;
-- +goose StatementEnd
REVOKE ALL ON PROCEDURE app.fence(regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE app.fence(regclass) TO switchboard_keeper;

-- +goose StatementBegin
-- What there is becomes volume 1 as it lies, with its key and policy; no row is copied.
DO $$
DECLARE
  kept regclass;
  place text;
  name text;
BEGIN
  FOREACH kept IN ARRAY ARRAY['public.events', 'public.webhook_items', 'app.unrouted_webhook_items']::regclass[] LOOP
    SELECT c.relnamespace::regnamespace, c.relname INTO place, name FROM pg_class c WHERE c.oid = kept;
    EXECUTE format('REVOKE ALL ON %s FROM switchboard_app', kept);
    EXECUTE format('ALTER TABLE %s RENAME TO %I', kept, name || '_1');
    EXECUTE format('ALTER TABLE %I.%I SET SCHEMA history', place, name || '_1');
    EXECUTE format('ALTER TABLE history.%I RENAME CONSTRAINT %I TO %I', name || '_1', name || '_pkey', name || '_1_pkey');
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (volume)', place, name, kept);
  END LOOP;
  -- Before the parts are attached, so that they keep the constraints they have.
  ALTER TABLE public.webhook_items ADD FOREIGN KEY (tenant_id) REFERENCES public.tenants,
    ADD FOREIGN KEY (tenant_id, channel_account_id) REFERENCES public.channel_accounts;
  ALTER TABLE public.events ATTACH PARTITION history.events_1 FOR VALUES IN (1);
  ALTER TABLE public.webhook_items ATTACH PARTITION history.webhook_items_1 FOR VALUES IN (1);
  ALTER TABLE app.unrouted_webhook_items ATTACH PARTITION history.unrouted_webhook_items_1 FOR VALUES IN (1);
END $$;
-- +goose StatementEnd
CREATE INDEX webhook_items_received_idx ON webhook_items (tenant_id, channel_account_id, received_at);
CREATE INDEX webhook_items_quarantine_idx ON webhook_items (tenant_id, received_at) WHERE state = 'QUARANTINED';
CALL app.protect('events');
CALL app.protect('webhook_items');
GRANT INSERT ON app.unrouted_webhook_items TO switchboard_app;
-- Rows go by dropping their volume and in no other way.
REVOKE UPDATE, DELETE ON events FROM switchboard_app;
REVOKE DELETE ON webhook_items FROM switchboard_app;

-- +goose StatementBegin
-- Makes the parts of a volume. The keys stand on the parts, because a key of the whole table would have to hold the volume. Only
-- ATTACH is used, which lets everybody go on reading and writing (CREATE TABLE … PARTITION OF does not).
CREATE PROCEDURE app.make_volume(no int) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept record;
  part text;
BEGIN
  FOR kept IN SELECT v.whole, c.relname, c.relrowsecurity, v.key
    FROM (VALUES ('public.events'::regclass, 'tenant_id, seq'), ('public.webhook_items', 'tenant_id, id'),
      ('app.unrouted_webhook_items', 'id')) v (whole, key) JOIN pg_class c ON c.oid = v.whole
  LOOP
    part := format('history.%I', kept.relname || '_' || no);
    -- Only ever added to: vacuum comes for the visibility map, and freezes on the way, so that no run in the far future has to read all of it.
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (%s))
      WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 1000000, autovacuum_analyze_scale_factor = 0.02)',
      part, kept.whole, kept.key);
    IF kept.relrowsecurity THEN
      CALL app.fence(part::regclass);
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES IN (%s)', kept.whole, part, no);
  END LOOP;
END $$;

-- app.turn_volumes does the next thing that is due, and returns what it did, '' for nothing: it makes the coming volume ahead, opens it when the newest
-- is a week old, or drops a part that nobody is promised any more. A cursor is promised events for at least the first interval after they were
-- written. The journal holds what people wrote, and is gone before it is older than the second one.
--
-- A volume is opened a minute or more after it was made. A statement that has taken its locks and not yet its snapshot may see that a volume is
-- open before it learns of parts that were made in the same moment, and would find no place for its rows.
--
-- Dropping needs the whole table for itself for a moment. It waits at most 100 ms for that, less than any deadlock takes to be found, so it is
-- this function that gives way; then not again for ten minutes, because whoever waits behind it waits too.
CREATE FUNCTION app.turn_volumes(keep_events interval, keep_journal interval) RETURNS text LANGUAGE plpgsql
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
  -- The app role may ask for less than it is given.
  SELECT v.*, v.events_kept AND next.opened_at <= app.now() - greatest(keep_events, interval '1 day') AS events_due INTO old
    FROM app.volumes v JOIN app.volumes next ON next.volume = v.volume + 1
    WHERE next.opened_at IS NOT NULL AND (v.retry_at IS NULL OR v.retry_at <= app.now())
      AND (v.events_kept AND next.opened_at <= app.now() - greatest(keep_events, interval '1 day')
        OR v.journal_kept AND v.opened_at <= app.now() - greatest(keep_journal, interval '7 days'))
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

DO $$
DECLARE kept regclass;
BEGIN
  -- Who owns a table must be allowed to make things beside it at the moment he becomes its owner.
  GRANT CREATE ON SCHEMA public, app TO switchboard_keeper;
  FOREACH kept IN ARRAY ARRAY['public.events', 'public.webhook_items', 'app.unrouted_webhook_items', 'history.events_1', 'history.webhook_items_1',
    'history.unrouted_webhook_items_1']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO switchboard_keeper', kept);
  END LOOP;
  ALTER PROCEDURE app.make_volume(int) OWNER TO switchboard_keeper;
  ALTER FUNCTION app.turn_volumes(interval, interval) OWNER TO switchboard_keeper;
  REVOKE CREATE ON SCHEMA public, app FROM switchboard_keeper;
END $$;
-- +goose StatementEnd
REVOKE ALL ON PROCEDURE app.make_volume(int) FROM PUBLIC;
REVOKE ALL ON FUNCTION app.turn_volumes(interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.turn_volumes(interval, interval) TO switchboard_app;
SELECT app.turn_volumes('14 days', '30 days');

-- So that a process can tell whether the schema is the one it needs.
GRANT SELECT ON goose_db_version TO switchboard_app;
