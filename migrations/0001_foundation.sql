-- +goose Up
-- +goose StatementBegin
-- Roles are shared by a whole cluster, so creating them must survive a sibling database that created them first.
DO $$
BEGIN
  BEGIN
    CREATE ROLE switchboard_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  BEGIN
    -- Owns the few functions that look across tenants; it can read ids through policies of its own and can do nothing else.
    CREATE ROLE switchboard_sweeper NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  -- Whoever migrates must be able to hand functions over, also where he is no superuser.
  IF NOT pg_has_role(current_user, 'switchboard_sweeper', 'MEMBER') THEN
    EXECUTE format('GRANT switchboard_sweeper TO %I', current_user);
  END IF;
END $$;
-- +goose StatementEnd

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA public, app TO switchboard_app, switchboard_sweeper;

-- The clock that decides leases, due times and wakes. Tests shift it; in production the row stays at zero.
CREATE TABLE app.clock (
  the_only_row boolean PRIMARY KEY DEFAULT true CHECK (the_only_row),
  shift        interval NOT NULL DEFAULT interval '0'
);
INSERT INTO app.clock DEFAULT VALUES;
GRANT SELECT ON app.clock TO switchboard_app, switchboard_sweeper;

-- +goose StatementBegin
CREATE FUNCTION app.now() RETURNS timestamptz LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT now() + (SELECT c.shift FROM app.clock c) $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION app.now() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.now() TO switchboard_app, switchboard_sweeper;

-- app.protect fences one table: every row belongs to the tenant of the transaction, for reading and for writing, for the owner
-- too. A mistyped policy is impossible because there is only this one.
-- +goose StatementBegin
CREATE PROCEDURE app.protect(target regclass) LANGUAGE plpgsql
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
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO switchboard_app', target);
END $$;
-- +goose StatementEnd
REVOKE ALL ON PROCEDURE app.protect(regclass) FROM PUBLIC;

-- app.let_sweeper_read gives the sweeper's functions sight of a table across tenants. They return ids only.
-- +goose StatementBegin
CREATE PROCEDURE app.let_sweeper_read(target regclass) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format('CREATE POLICY sweeper_reads ON %s FOR SELECT TO switchboard_sweeper USING (true)', target);
  EXECUTE format('GRANT SELECT ON %s TO switchboard_sweeper', target);
END $$;
-- +goose StatementEnd
REVOKE ALL ON PROCEDURE app.let_sweeper_read(regclass) FROM PUBLIC;
