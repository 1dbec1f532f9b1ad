package db_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestVacuumIsAsTheTableSays compares the catalogue with ARCHITECTURE, of volumes with those that the job makes later too. A new table has to be thought
// about: it gets a line there, or is named here.
func TestVacuumIsAsTheTableSays(t *testing.T) {
	t.Parallel()
	s := &shelf{T: t, w: inboxtest.New(t)}
	s.turn()
	s.pass(week)
	s.turn() // volume 3
	stays := []string{
		"agents", "alerts", "api_keys", "audit_seals", "channel_accounts", "contact_identities", "contacts", "refresh_tokens", "team_members",
		"teams", "tenants",
	}
	conn, err := pgx.Connect(t.Context(), s.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	promised := map[string]string{}
	for _, line := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\d+)% \\| ([^|]+) \\| ").FindAllStringSubmatch(string(text), -1) {
		promised[line[1]] = settings(t, line[2], line[3])
	}
	const tables = `SELECT c.relname || ' ' || coalesce((SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(c.reloptions) o), '') FROM pg_class c
		WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'history'::regnamespace) AND c.relname <> 'goose_db_version'`
	seen := map[string]int{}
	for _, line := range (&zoo{t: t, w: s.w, owner: conn}).list(tables) {
		table, options, _ := strings.Cut(line, " ")
		name := regexp.MustCompile(`_\d+$`).ReplaceAllString(table, "_N")
		seen[name]++
		switch want, ok := promised[name]; {
		case !ok && slices.Contains(stays, name) && options == "":
		case !ok:
			t.Errorf("nobody said whether %s grows with messages; it has %q", table, options)
		case options != want:
			t.Errorf("%s has %q, ARCHITECTURE says %q", table, options, want)
		}
	}
	for name := range promised {
		if seen[name] == 0 || strings.HasSuffix(name, "_N") && seen[name] != 3 {
			t.Errorf("there are %d of the table %s", seen[name], name)
		}
	}
}

// settings returns a line of the table in the words of the catalogue, in their order.
func settings(t *testing.T, filled, cleaned string) string {
	t.Helper()
	var all []string
	if filled != "100" {
		all = append(all, "fillfactor="+filled)
	}
	kinds := map[string]string{"vacuum": "vacuum", "inserts": "vacuum_insert", "analyze": "analyze"}
	for _, word := range strings.Split(cleaned, ", ") {
		what, n, _ := strings.Cut(word, " ")
		percent, isShare := strings.CutSuffix(n, "%")
		share, err := strconv.ParseFloat(percent, 64)
		switch {
		case word == "no pause":
			all = append(all, "autovacuum_vacuum_cost_delay=0")
		case word == "freeze 1M":
			all = append(all, "autovacuum_freeze_min_age=1000000")
		case kinds[what] == "" || err != nil:
			t.Errorf("ARCHITECTURE says %q of a table", word)
		case isShare:
			all = append(all, "autovacuum_"+kinds[what]+"_scale_factor="+strconv.FormatFloat(share/100, 'f', -1, 64))
		default:
			all = append(all, "autovacuum_"+kinds[what]+"_threshold="+n)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
