package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// These tests read the catalogue of a migrated database, so that a table, key, view or function that breaks the fence fails here on the
// day it is added. Exceptions are named, with their reason.

// outsideTheFence are the tables that belong to no tenant.
func outsideTheFence() map[string]string {
	return map[string]string{
		"public.goose_db_version":          "the migrator's own; the app role may read the number",
		"app.clock":                        "one row for the whole database; the app role may only read it",
		"app.volumes":                      "which volumes are kept; the app role may only read it",
		"app.unrouted_webhook_items":       "names no tenant; the app role may only add to it",
		"history.unrouted_webhook_items_1": "a volume of it, which the app role cannot name",
		"history.unrouted_webhook_items_2": "the same",
	}
}

// acrossTenants are the unique keys without tenant_id.
func acrossTenants() map[string]string {
	return map[string]string{
		"tenants_slug_key":                  "a subdomain belongs to one tenant",
		"channel_accounts_external_ref_key": "a provider's account belongs to one tenant: webhooks are routed by it",
		"channel_accounts_endpoint_id_key":  "a webhook address is random and belongs to one account",
	}
}

// doors are the functions that look across tenants. One that is named twice has a form for the binary before.
func doors() []string {
	return []string{
		"account_by_endpoint", "accounts_by_ref", "alert_tenants", "alert_tenants", "due_attachments", "due_callbacks", "due_lanes", "due_snoozes", "heads",
		"limited_lanes", "parked_tenants", "parked_tenants", "stale_key_tenants", "stuck_dispatches", "tenant_by_slug", "tenant_ids", "turn_volumes",
		"uncalled_conversations", "unsealed_tenants", "unsealed_tenants",
	}
}

const policyExpression = "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS \"nullif\"))"

// list returns the one text column that SQL yields as the owner.
func (z *zoo) list(sql string, args ...any) []string {
	z.t.Helper()
	rows, err := z.owner.Query(z.t.Context(), sql, args...)
	if err != nil {
		z.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		z.t.Fatalf("%s: %v", sql, err)
	}
	return found
}

// none fails the test for every text that SQL yields.
func (z *zoo) none(rule, sql string, args ...any) {
	z.t.Helper()
	for _, found := range z.list(sql, args...) {
		z.t.Errorf("%s: %s", rule, found)
	}
}

const ourTables = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'app', 'history') AND c.relkind IN ('r', 'p')`

func TestEveryTableIsFenced(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	var fenced int
	for _, name := range z.list("SELECT n.nspname || '.' || c.relname " + ourTables + " ORDER BY 1") {
		if _, ok := outsideTheFence()[name]; ok {
			continue
		}
		fenced++
		got := z.list(`SELECT format('%s %s %s', c.relrowsecurity, c.relforcerowsecurity,
			(SELECT string_agg(format('%s|%s|%s|%s|%s|%s', p.polname, p.polcmd, p.polpermissive, p.polroles = '{0}',
			   pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), ' & ' ORDER BY p.polname)
			 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname <> 'sweeper_reads')) FROM pg_class c WHERE c.oid = $1::regclass`, name)
		want := "t t tenant_isolation|*|t|t|" + policyExpression + "|" + policyExpression
		if got[0] != want {
			t.Errorf("%s is not fenced by app.protect:\n%s\nwant\n%s", name, got[0], want)
		}
	}
	if fenced < 24 {
		t.Errorf("only %d fenced tables", fenced)
	}
	z.none("a policy is neither tenant_isolation nor a read-only one of the sweeper", `SELECT p.polrelid::regclass || '.' || p.polname FROM pg_policy p
		WHERE p.polname <> 'tenant_isolation' AND NOT (p.polname = 'sweeper_reads' AND p.polcmd = 'r'
		  AND p.polroles = ARRAY['switchboard_sweeper'::regrole::oid])`)
	z.none("a primary key does not begin with tenant_id", `SELECT c.conrelid::regclass::text FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'p' AND c.connamespace IN ('public'::regnamespace, 'history'::regnamespace) AND a.attname <> 'tenant_id'
		  AND c.conrelid::regclass::text <> 'goose_db_version' AND c.conrelid::regclass::text NOT LIKE 'history.unrouted%'`)
	z.none("a table has no tenant_id uuid NOT NULL", `SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
		AND c.relkind IN ('r', 'p') AND c.relname <> 'goose_db_version' AND NOT EXISTS (SELECT FROM pg_attribute a
		  WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype AND a.attnotnull)`)
}

func TestEveryKeyHoldsTheTenant(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	z.none("a foreign key does not pair tenant_id with tenant_id", `SELECT c.conrelid::regclass || ': ' || c.conname FROM pg_constraint c
		WHERE c.contype = 'f' AND NOT EXISTS (
		  SELECT FROM unnest(c.conkey, c.confkey) AS k (here, there)
		  JOIN pg_attribute h ON h.attrelid = c.conrelid AND h.attnum = k.here
		  JOIN pg_attribute o ON o.attrelid = c.confrelid AND o.attnum = k.there
		  WHERE h.attname = 'tenant_id' AND o.attname = 'tenant_id')`)
	across := z.list(`SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE i.indisunique AND c.relnamespace IN ('public'::regnamespace, 'history'::regnamespace) AND c.relname <> 'goose_db_version'
		AND c.relname NOT LIKE 'unrouted%' AND NOT EXISTS (
		  SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]) AND a.attname = 'tenant_id')
		ORDER BY 1`)
	for _, name := range across {
		if _, ok := acrossTenants()[name]; !ok {
			t.Errorf("unique key %s does not contain tenant_id: one tenant can feel another's rows", name)
		}
	}
	for name := range acrossTenants() {
		if !slices.Contains(across, name) {
			t.Errorf("acrossTenants() names %s, which is gone", name)
		}
	}
	z.none("a view runs with its owner's rights", `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('public', 'app') AND c.relkind = 'v'
		  AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)`)
	z.none("a materialized view has no row security", `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('public', 'app') AND c.relkind = 'm'`)
}

// No role may do more than its work, and the audit log is only added to. (R63)
func TestRolesHaveNoMoreThanTheyNeed(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	z.none("a role has too much power", `SELECT rolname::text FROM pg_roles WHERE rolname IN ('switchboard_app', 'switchboard_sweeper', 'switchboard_keeper')
		AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR (rolcanlogin AND rolname <> 'switchboard_app'))`)
	z.none("the app role owns something", `SELECT c.oid::regclass::text FROM pg_class c WHERE c.relowner = 'switchboard_app'::regrole
		UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.proowner = 'switchboard_app'::regrole
		UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = 'switchboard_app'::regrole`)
	z.none("the sweeper owns a table", "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relowner = 'switchboard_sweeper'::regrole")
	z.none("the app role is a member of", `SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'switchboard_app'::regrole`)
	z.none("the keeper owns more than the volumes and what they are parts of", `SELECT c.oid::regclass::text FROM pg_class c
		WHERE c.relowner = 'switchboard_keeper'::regrole AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace <> 'history'::regnamespace
		  AND c.oid <> ALL ('{events, webhook_items, app.unrouted_webhook_items}'::regclass[])`)
	z.none("the keeper may create outside of history", `SELECT nspname::text FROM pg_namespace WHERE nspname <> 'history'
		AND nspname !~ '^pg_' AND has_schema_privilege('switchboard_keeper', oid, 'CREATE')`)
	z.none("the app role may name the volumes", "SELECT 'history' WHERE has_schema_privilege('switchboard_app', 'history', 'USAGE')")
	const privilege = `SELECT n.nspname || '.' || c.relname || ' ' || p FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
		unnest($1::text[]) p WHERE n.nspname IN ('public', 'app') AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege($2, c.oid, p)
		AND NOT (n.nspname || '.' || c.relname || ' ' || p = ANY ($3::text[])) ORDER BY 1`
	z.none("the app role may", privilege, []string{"TRUNCATE", "REFERENCES", "TRIGGER"}, "switchboard_app", []string{})
	z.none("the sweeper may", privilege, []string{"INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}, "switchboard_sweeper",
		[]string{})
	for _, closed := range []string{
		"audit_log UPDATE", "audit_log DELETE", "audit_seals UPDATE", "audit_seals DELETE", "events UPDATE", "events DELETE",
		"webhook_items DELETE", "tenants DELETE", "channel_accounts DELETE", "conversations DELETE", "messages DELETE",
		"app.volumes INSERT", "app.volumes UPDATE", "app.volumes DELETE",
		"history.events_1 SELECT", "history.events_2 SELECT", "history.events_2 INSERT", "history.webhook_items_2 SELECT", "history.webhook_items_2 INSERT",
		"goose_db_version INSERT", "goose_db_version UPDATE", "goose_db_version DELETE", "app.clock UPDATE", "app.clock INSERT", "app.unrouted_webhook_items SELECT",
		"app.unrouted_webhook_items UPDATE", "app.unrouted_webhook_items DELETE",
	} {
		name, p, _ := strings.Cut(closed, " ")
		if z.list("SELECT has_table_privilege('switchboard_app', $1, $2)::text", name, p)[0] != "false" {
			t.Errorf("the app role may %s", closed)
		}
	}
	z.none("everybody may", `SELECT c.oid::regclass || ' ' || x.privilege_type FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
		aclexplode(c.relacl) x WHERE n.nspname IN ('public', 'app') AND x.grantee = 0`)
	z.none("everybody may create in", `SELECT nspname::text FROM pg_namespace n, aclexplode(n.nspacl) x
		WHERE n.nspname IN ('public', 'app') AND x.grantee = 0 AND x.privilege_type = 'CREATE'`)
}

func TestDoorsBetweenTenantsAreKnown(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	found := z.list(`SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname IN ('public', 'app') AND p.prosecdef ORDER BY 1`)
	if !slices.Equal(found, doors()) {
		t.Errorf("SECURITY DEFINER functions are\n%v\nwant\n%v", found, doors())
	}
	z.none("a door belongs to another than the sweeper or the keeper, has a loose search_path, or is open to everybody", `
		SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.prosecdef AND p.pronamespace IN ('public'::regnamespace, 'app'::regnamespace)
		AND (p.proowner <> (CASE p.proname WHEN 'turn_volumes' THEN 'switchboard_keeper' ELSE 'switchboard_sweeper' END)::regrole OR NOT coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)
		  OR p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee = 0))`)
	z.none("a function is open to everybody", `SELECT p.oid::regprocedure::text FROM pg_proc p
		WHERE p.pronamespace IN ('public'::regnamespace, 'app'::regnamespace)
		AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee = 0))`)
	z.none("a door returns more than ids, a number or a status", `SELECT p.oid::regprocedure || ': ' || pg_get_function_result(p.oid) FROM pg_proc p
		WHERE p.prosecdef AND p.pronamespace = 'app'::regnamespace AND pg_get_function_result(p.oid) ~ '(json|bytea|timestamp)'`)
	z.none("a trigger or rule acts behind everybody's back", `SELECT tgrelid::regclass || ': ' || tgname FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT r.ev_class::regclass || ': ' || r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind <> 'v'`)
}

// TestRowsAreFenced asks as the app role: without a tenant and as another tenant, no table shows a row or takes one.
func TestRowsAreFenced(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	v, other := z.victim(1), z.w.Tenant("other").ID
	app, err := pgx.Connect(t.Context(), z.w.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.Close(t.Context()) }()
	exec := func(sql string, args ...any) (int64, error) {
		tag, err := app.Exec(t.Context(), sql, args...)
		return tag.RowsAffected(), err
	}
	for _, tenant := range []string{"", other.String()} {
		if _, err := exec("SELECT set_config('app.tenant_id', $1, false)", tenant); err != nil {
			t.Fatal(err)
		}
		for _, tb := range z.tables {
			var n int
			sql := "SELECT count(*) FROM " + tb.name + " WHERE tenant_id = $1"
			if err := app.QueryRow(t.Context(), sql, v.tenant.UUID()).Scan(&n); err != nil || n != 0 {
				t.Errorf("tenant %q sees %d rows of %s, %v", tenant, n, tb.name, err)
			}
			if tenant == "" {
				if err := app.QueryRow(t.Context(), "SELECT count(*) FROM "+tb.name).Scan(&n); err != nil || n != 0 {
					t.Errorf("without a tenant %d rows of %s are seen, %v", n, tb.name, err)
				}
			}
			for _, write := range []string{"UPDATE %s SET tenant_id = tenant_id WHERE tenant_id = $1", "DELETE FROM %s WHERE tenant_id = $1"} {
				if n, err := exec(fmt.Sprintf(write, tb.name), v.tenant.UUID()); n != 0 {
					t.Errorf("tenant %q writes %d rows of %s, %v", tenant, n, tb.name, err)
				}
			}
			marks, args := make([]string, len(tb.columns)), []any{}
			for i, column := range tb.columns {
				marks[i] = z.cell(v, tb, column, tb.types[i], &args)
			}
			insert := "INSERT INTO " + tb.name + " (" + strings.Join(tb.columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ") ON CONFLICT DO NOTHING"
			if n, err := exec(insert, args...); n != 0 || err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("tenant %q inserts %d rows into another's %s: %v, want SQLSTATE 42501", tenant, n, tb.name, err)
			}
		}
	}
}
