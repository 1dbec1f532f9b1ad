package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func testKey() string {
	return "k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
}

// goodVars is a configuration with which everything runs.
func goodVars() map[string]string {
	return map[string]string{
		"DATABASE_URL": "postgres://app:CANARY@127.0.0.1/x", "REDIS_URL": "redis://:CANARY@127.0.0.1:6379/0", "SWITCHBOARD_KEKS": testKey(),
		"SWITCHBOARD_JWT_KEYS": testKey(), "SWITCHBOARD_FILE_KEYS": testKey(), "SWITCHBOARD_BLOB_URL": "file:///var/lib/switchboard",
	}
}

// setVars makes the environment exactly this one.
func setVars(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, v := range variables() {
		t.Setenv(v.name, vars[v.name])
	}
}

func TestConfigurationThatIsComplete(t *testing.T) {
	setVars(t, goodVars())
	e, err := readEnvironment(everything())
	if err != nil {
		t.Fatal(err)
	}
	if e.Port != 8080 || e.AdminAddr != "127.0.0.1:9090" || e.PublicBaseURL != "http://localhost:8080" || e.MetaVersion != "v23.0" {
		t.Errorf("defaults: %+v", e)
	}
	if e.MigrateURL != e.DatabaseURL || e.ListenURL != e.DatabaseURL {
		t.Error("the other database addresses are not the first one")
	}
}

func TestConfigurationTellsEverythingThatIsMissing(t *testing.T) {
	setVars(t, nil)
	_, err := readEnvironment(everything())
	if err == nil {
		t.Fatal("nothing is enough")
	}
	for name := range goodVars() {
		if !strings.Contains(err.Error(), name+" is missing: ") {
			t.Errorf("%s is not asked for, or without a remedy:\n%v", name, err)
		}
	}
	if _, err := readEnvironment(needs{}); err != nil {
		t.Errorf("what a command does not need is asked for: %v", err)
	}
}

func TestConfigurationTellsEverythingThatIsWrongAndShowsNoSecret(t *testing.T) {
	wrong := map[string]string{
		"DATABASE_URL": "mysql://root:CANARY@x", "REDIS_URL": "http://CANARY", "SWITCHBOARD_KEKS": "CANARY", "SWITCHBOARD_JWT_KEYS": "k1:CANARY",
		"SWITCHBOARD_FILE_KEYS": "CANARY", "SWITCHBOARD_BLOB_URL": "ftp://x", "PORT": "eighty", "ADMIN_ADDR": "9090", "PUBLIC_BASE_URL": "desk.example",
		"SWITCHBOARD_ALLOWED_ORIGINS": "desk.example", "SWITCHBOARD_TRUSTED_PROXIES": "lan", "META_GRAPH_VERSION": "23", "LOG_LEVEL": "loud", "SWITCHBOARD_WORKERS": "0",
		"SWITCHBOARD_DOCUMENTS":         "/nowhere",
		"SWITCHBOARD_ACCESS_TOKEN_LIFE": "2h", "SWITCHBOARD_META_APP_SECRET": "CANARY", "MIGRATE_DATABASE_URL": "x://CANARY", "LISTEN_DATABASE_URL": "x://CANARY",
	}
	setVars(t, wrong)
	_, err := readEnvironment(needs{database: true, owner: true, redis: true, keys: true, http: true, blob: true, provider: true})
	if err == nil {
		t.Fatal("all of it is wrong")
	}
	delete(wrong, "SWITCHBOARD_META_APP_SECRET") // it is right, but needs a token beside it
	wrong["SWITCHBOARD_META_VERIFY_TOKEN"] = ""
	for name := range wrong {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not told:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a secret is told: %v", err)
	}
	t.Setenv("PORT", "70000")
	t.Setenv("LOG_LEVEL", "INFO")
	if _, err := readEnvironment(everything()); err == nil || !strings.Contains(err.Error(), "PORT is out of range") {
		t.Errorf("a port that is none: %v", err)
	}
}

func TestEveryVariableIsDescribed(t *testing.T) {
	for _, v := range variables() {
		if v.name == "" || len(v.help) < 10 {
			t.Errorf("%+v", v)
		}
	}
}

func TestConfigurationOfAFleet(t *testing.T) {
	vars := goodVars()
	vars["DATABASE_URL"] = "postgres://app:CANARY@one:5432,two:5432/x?target_session_attrs=read-write"
	for _, redis := range []string{"redis-cluster://:CANARY@one:1,two:2", "rediss-sentinel://:CANARY@one:1,two:2/0?master=m"} {
		vars["REDIS_URL"] = redis
		setVars(t, vars)
		if _, err := readEnvironment(everything()); err != nil {
			t.Errorf("%v", err)
		}
	}
	vars["REDIS_URL"] = "redis-sentinel://:CANARY@one:1,two:2"
	setVars(t, vars)
	if _, err := readEnvironment(everything()); err == nil || !strings.Contains(err.Error(), "?master= is missing") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("sentinels without a master: %v", err)
	}
}
