package db_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryStatementNamesItsTenant reads the statements of queries/: each one that touches a tenant's table says which tenant, in a
// predicate or as the value it writes. Row security would hide the rows of others all the same; the predicate is what makes the index
// work, keeps the statement in one shard, and still holds where somebody forgets the fence.
func TestEveryStatementNamesItsTenant(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../queries/*.sql")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	tables := tenantTables(t)
	statements := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range strings.Split(string(text), "-- name: ")[1:] {
			statements++
			name, sql, _ := strings.Cut(statement, "\n")
			sql = withoutComments(sql)
			touched := tables.FindString(sql)
			if touched == "" {
				continue
			}
			named := regexp.MustCompile(`tenant_id = @tenant_id\b`).MatchString(sql) ||
				regexp.MustCompile(`(?s)INSERT INTO [^;]*(VALUES \(|SELECT )@tenant_id\b`).MatchString(sql)
			if !named {
				t.Errorf("%s: %s touches a table (%s) and does not say whose", file, strings.TrimSpace(name), touched)
			}
		}
	}
	if statements < 100 {
		t.Errorf("only %d statements were found", statements)
	}
}

// tenantTables matches a mention of a table that the migrations fence.
func tenantTables(t *testing.T) *regexp.Regexp {
	t.Helper()
	files, err := filepath.Glob("../migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`CALL app\.protect\('(\w+)'\)`).FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %d fenced tables were found", len(names))
	}
	return regexp.MustCompile(`(?i)(FROM|JOIN|INTO|UPDATE)\s+(` + strings.Join(names, "|") + `)\b`)
}

func withoutComments(sql string) string {
	return regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(sql, "")
}
