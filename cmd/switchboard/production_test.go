package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// production is the environment of a real installation on a test's database.
func production(t *testing.T, d *dbtest.Database, redis string) []string {
	t.Helper()
	return environ("DATABASE_URL="+d.OwnerURL, "REDIS_URL="+redis, "SWITCHBOARD_KEKS="+testKey(), "SWITCHBOARD_JWT_KEYS="+testKey(),
		"SWITCHBOARD_FILE_KEYS="+testKey(), "SWITCHBOARD_BLOB_URL=file://"+t.TempDir(), "PORT=0", "ADMIN_ADDR=127.0.0.1:0")
}

// TestOperatorAtAShell makes a tenant from nothing with the binary alone.
func TestOperatorAtAShell(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	env := production(t, w.Database, "redis://127.0.0.1:1/0")
	for _, c := range []struct {
		args, stdin string
		code        int
		says        string
	}{
		{"", "", 2, "usage: switchboard <command>"},
		{"serv", "", 2, "usage: switchboard <command>"},
		{"tenant create --slug acme", "", 2, "the flag --name is missing"},
		{"tenant create --slug acme --name Acme extra", "", 2, `"extra" is not understood`},
		{"tenant create --slug Acme --name Acme", "", 1, "slug: a slug is"},
		{"migrate", "", 0, "newest schema"},
		{"tenant create --slug acme --name Acme", "", 0, "acme"},
		{"tenant create --slug acme --name Acme", "", 1, "already"},
		{"team create --tenant acme --name Support", "", 0, "Support"},
		{"agent create --tenant acme --name Ada --email ada@acme.example --team Support", "", 0, "password"},
		{"agent create --tenant acme --name Bob --email bob@acme.example --role admin --password-stdin", "correct horse\n", 0, "ADMIN"},
		{"agent create --tenant acme --name Eve --email eve@acme.example --password-stdin", "short\n", 1, "password: "},
		{"apikey create --tenant acme --name CRM --scope notifications:send", "", 0, "ik_"},
		{"apikey create --tenant acme --name CRM --scope root", "", 1, `there is no scope "root"`},
		{"apikey revoke --tenant acme --key 0190", "", 1, "--key is the id"},
		{"apikey revoke --tenant acme --key 01900000-0000-7000-8000-000000000000", "", 1, "key: the tenant has no such key"},
		{"agent disable --tenant acme --email BOB@acme.example", "", 0, "disabled"},
		{"agent enable --tenant acme --email nobody@acme.example", "", 1, "email: the tenant has no agent"},
		{"agent enable --tenant acme --email bob@acme.example", "", 0, "enabled"},
		{"channel create --tenant acme --provider meta --ref 1055 --name Main --team Support", `{"accessToken":"CANARY","appSecret":"s"}`, 0, "/webhooks/meta/"},
		{"channel create --tenant acme --provider meta --ref 1056 --name Main", `{}`, 1, "accessToken is missing"},
		{"channel create --tenant acme --provider meta --ref 1056 --name Main", `nonsense`, 1, "no JSON object"},
		{"epoch renew now", "", 2, `"now" is not understood`},
		{"epoch renew", "", 0, "new epochs       1"},
		{"verify", "", 0, "ok        0  events are numbered"},
		{"help env", "", 0, "SWITCHBOARD_TRUSTED_PROXIES"},
		{"version", "", 0, "\n"},
	} {
		code, out := finish(t, env, c.stdin, split(c.args)...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%q ends with %d and says %s\nwant %d and %q", c.args, code, out, c.code, c.says)
		}
		if strings.Contains(out, "CANARY") || strings.Contains(out, "correct horse") {
			t.Errorf("%q shows a secret: %s", c.args, out)
		}
	}
	if n := w.Int("SELECT count(*) FROM audit_log WHERE action = 'tenant.epoch_renewed'"); n != 1 {
		t.Errorf("the new epoch is %d times in the audit log", n)
	}
	w.Exec("UPDATE tenant_heads SET seq = 99")
	if code, out := finish(t, env, "", "verify"); code != 1 || !strings.Contains(out, "WRONG     1  events are numbered") {
		t.Errorf("verify of a broken database ends with %d:\n%s", code, out)
	}
	if code, out := finish(t, environ(), "", "serve"); code != 1 || strings.Count(out, "is missing: ") < 5 {
		t.Errorf("serve without a configuration ends with %d:\n%s", code, out)
	}
}

func split(args string) []string { return strings.Fields(args) }

// TestServeAndWorkStopInOrder runs the two production processes and stops them as an orchestrator does.
func TestServeAndWorkStopInOrder(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	env := production(t, w.Database, dbtest.Redis(t))
	admin := regexp.MustCompile(`"admin":"([^"]+)"`)
	for _, name := range []string{"serve", "work"} {
		p := start(t, env, name)
		var address string
		eventually(t, p, name+" tells its admin address", func() bool {
			found := admin.FindStringSubmatch(p.out.String())
			if found != nil {
				address = "http://" + found[1]
			}
			return found != nil
		})
		eventually(t, p, name+" is ready", func() bool {
			status, _ := request(t, http.MethodGet, address+"/readyz", "", nil)
			return status == http.StatusOK
		})
		_, metrics := request(t, http.MethodGet, address+"/metrics", "", nil)
		for _, metric := range []string{"switchboard_build_info{", "switchboard_tenant_violation_total 0", "go_goroutines ", "switchboard_db_connections_open "} {
			if !strings.Contains(string(metrics), metric) {
				t.Errorf("%s: no metric %s", name, metric)
			}
		}
		code, took := p.end(syscall.SIGTERM)
		if code != 0 || took > 30*time.Second {
			t.Errorf("%s: exit code %d after %v", name, code, took)
		}
		if out := p.out.String(); strings.Contains(out, testKey()) || !strings.Contains(out, `"msg":"stopping"`) {
			t.Errorf("%s logs %s", name, fmt.Sprint(out))
		}
	}
}

// TestAnOlderSchemaIsRefused starts both production processes on a database that lacks a migration: they end, and say what to do. After `migrate` one
// starts.
func TestAnOlderSchemaIsRefused(t *testing.T) {
	t.Parallel()
	bare := dbtest.Bare(t)
	env := append(production(t, bare, dbtest.Redis(t)), "MIGRATE_DATABASE_URL="+bare.OwnerURL)
	refused := func(why string) {
		t.Helper()
		for _, name := range []string{"serve", "work"} {
			if code, out := finish(t, env, "", name); code != 1 || !strings.Contains(out, "run `switchboard migrate`") {
				t.Errorf("%s, %s: ends with %d and says %s", why, name, code, out)
			}
		}
	}
	refused("never migrated")
	if code, out := finish(t, env, "", "migrate"); code != 0 {
		t.Fatalf("migrate ends with %d: %s", code, out)
	}
	w := inboxtest.On(t, bare)
	const newest = "(SELECT max(version_id) FROM goose_db_version)"
	w.Exec("UPDATE goose_db_version SET version_id = version_id + 5000 WHERE version_id = " + newest)
	p := start(t, env, "serve")
	eventually(t, p, "serve on a newer schema serves", func() bool { return strings.Contains(p.out.String(), `"msg":"serving"`) })
	p.end(syscall.SIGTERM)
	w.Exec("DELETE FROM goose_db_version WHERE version_id = " + newest)
	refused("one migration behind")
}
