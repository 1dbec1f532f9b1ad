package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

// TestNoStatementCrossesTenants lets Postgres plan every statement of the product as a role that row security does not bind, and looks
// at each scan of a tenant's table: it must be limited by tenant_id, by the statement's own words. So every statement stays in one shard when
// the tables are spread by tenant. The doors of package app, which look across tenants on purpose, are functions and are not planned here.
func TestNoStatementCrossesTenants(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	statements := writtenStatements(t)
	for _, sql := range append(builtStatements(t, w), builtWrites(t, w)...) {
		statements[sql[:min(len(sql), 60)]+" … "+strconv.Itoa(len(statements))] = sql
	}
	conn, err := pgx.Connect(t.Context(), w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	p := planner{t: t, conn: conn, tables: tenantTablesOf(t, conn)}
	if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		p.check(name, statements[name])
	}
	if p.planned < 130 || p.scans < 180 {
		t.Errorf("%d statements with %d scans were planned: some are not found any more", p.planned, p.scans)
	}
	t.Logf("%d statements, %d scans of tables of tenants", p.planned, p.scans)

	probe := planner{t: t, conn: conn, tables: p.tables, expectCrossing: true}
	probe.check("a probe", "SELECT m.text FROM messages m JOIN conversations c ON c.tenant_id = $1 AND c.id = m.conversation_id WHERE m.id = $2")
	if probe.crossed == 0 {
		t.Error("a statement that crosses tenants is not noticed")
	}
}

// planner asks Postgres how it would run statements.
type planner struct {
	t              *testing.T
	conn           *pgx.Conn
	tables         []string
	expectCrossing bool

	planned, scans, crossed int
}

var isInsert = regexp.MustCompile(`INSERT INTO (\w+)(?: AS \w+)? \((\w+)`)

func (p *planner) check(name, sql string) {
	p.t.Helper()
	defer func() { _, _ = p.conn.Exec(p.t.Context(), "DEALLOCATE ALL") }()
	description, err := p.conn.Prepare(p.t.Context(), "probe", sql)
	if err != nil {
		p.t.Errorf("%s cannot be planned: %v", name, err)
		return
	}
	execute := "EXECUTE probe"
	if n := len(description.ParamOIDs); n > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
	}
	var text []byte
	if err := p.conn.QueryRow(p.t.Context(), "EXPLAIN (FORMAT JSON) "+execute, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		p.t.Errorf("%s cannot be explained: %v", name, err)
		return
	}
	var plans []struct{ Plan map[string]any }
	if err := json.Unmarshal(text, &plans); err != nil {
		p.t.Fatal(err)
	}
	p.planned++
	p.walk(name, plans[0].Plan)
	for _, insert := range isInsert.FindAllStringSubmatch(sql, -1) {
		if slices.Contains(p.tables, insert[1]) && insert[2] != "tenant_id" {
			p.t.Errorf("%s inserts into %s without naming tenant_id first", name, insert[1])
		}
	}
}

// walk looks at a node of a plan and those below it.
func (p *planner) walk(name string, node map[string]any) {
	kind, _ := node["Node Type"].(string)
	table, _ := node["Relation Name"].(string)
	below, _ := node["Plans"].([]any)
	if slices.Contains(p.tables, table) && kind != "ModifyTable" {
		p.scans++
		if !limited(node) {
			p.crossed++
			if !p.expectCrossing {
				p.t.Errorf("%s: %s on %s is not limited to a tenant: %v", name, kind, table, node)
			}
		}
	}
	for _, child := range below {
		p.walk(name, child.(map[string]any))
	}
}

// limited reports whether a scan reads rows of one tenant only. A bitmap is limited by the index below it.
func limited(node map[string]any) bool {
	for _, key := range []string{"Index Cond", "Recheck Cond", "Filter"} {
		if condition, _ := node[key].(string); strings.Contains(condition, "tenant_id = ") {
			return true
		}
	}
	return false
}

func tenantTablesOf(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace IN ('public'::regnamespace, 'history'::regnamespace) AND c.relkind IN ('r', 'p')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	return tables
}

var isStatement = regexp.MustCompile(`(?s)^\s*(--[^\n]*\n)*\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b.*\b(FROM|INTO|UPDATE|SET)\b`)

// writtenStatements returns the SQL that stands as a whole in this package and in the code generated from queries/, by where it stands.
// Fragments that are put together at run time hold a %name% and are seen by builtStatements.
func writtenStatements(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.go", "internal/gen/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || len(spec.Values) != 1 {
					return true
				}
				literal, ok := spec.Values[0].(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				if sql, err := strconv.Unquote(literal.Value); err == nil && isStatement.MatchString(sql) && !strings.Contains(sql, "%") {
					found[path+" "+spec.Names[0].Name] = sql
				}
				return true
			})
		}
	}
	return found
}

// builtStatements returns the SQL that is put together at run time, for every kind of viewer and filter.
func builtStatements(t *testing.T, w *inboxtest.World) []string {
	t.Helper()
	var mu sync.Mutex
	sent := map[string]bool{}
	opened, err := db.Open(t.Context(), db.Config{URL: w.AppURL, Statement: func(sql string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(sql, "conversations") {
			sent[sql] = true
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	id := inboxtest.NewID()
	viewers := []inbox.Visibility{{All: true, Agent: id}, {Agent: id, Accounts: []uuid.UUID{id}}}
	filters := []inbox.ConversationFilter{{}, {TeamID: &id}, {ChannelAccountID: &id}, {ContactID: &id}, {Assignee: inbox.AssignedNobody}, {Assignee: inbox.AssignedMine}}
	err = opened.ReadTenant(t.Context(), w.Tenant("acme").ID, func(tx inbox.Tx) error {
		for _, v := range viewers {
			for _, f := range filters {
				f.Status = []inbox.Status{inbox.StatusOpen}
				if _, _, err := tx.ListConversations(t.Context(), inbox.ListQuery{Filter: f, Viewer: v, Limit: 10}); err != nil {
					return fmt.Errorf("list: %w", err)
				}
				if _, err := tx.CountConversations(t.Context(), f, []inbox.Visibility{v}); err != nil {
					return fmt.Errorf("count: %w", err)
				}
			}
			if _, err := tx.UnreadGroups(t.Context(), []inbox.Visibility{v}); err != nil {
				return fmt.Errorf("unread: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sent) < 10 {
		t.Fatalf("only %d statements were built", len(sent))
	}
	return slices.Sorted(maps.Keys(sent))
}

// builtWrites returns the SQL that adds and changes rows, for one and for several of them: which columns it names depends on what they hold.
func builtWrites(t *testing.T, w *inboxtest.World) []string {
	t.Helper()
	var mu sync.Mutex
	sent := map[string]bool{}
	opened, err := db.Open(t.Context(), db.Config{URL: w.AppURL, Statement: func(sql string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(sql, "$1::uuid") || strings.Contains(sql, "UPDATE") {
			sent[sql] = true
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	business := w.Tenant("writes")
	account, now := business.Account("one", nil), time.Now()
	for n := 1; n <= 2; n++ {
		var conversations, changed []inbox.Conversation
		var messages []inbox.Message
		var items []inbox.JournalItem
		for i := range n {
			c := inbox.Conversation{ID: inboxtest.NewID(), ContactID: business.Contact("Kim", fmt.Sprint("+49171", n, i)), ChannelAccountID: account,
				Status: inbox.StatusOpen, Version: 1, LastMessageAt: now, CreatedAt: now}
			conversations = append(conversations, c)
			c.Version++
			changed = append(changed, c)
			messages = append(messages, inbox.Message{ID: inboxtest.NewID(), ConversationID: c.ID, ChannelAccountID: account, Seq: 1, InboundNo: 1,
				Direction: inbox.Inbound, Kind: channel.KindText, Status: inbox.MessageReceived, ExternalID: c.ID.String(), Version: 1, CreatedAt: now})
			items = append(items, inbox.JournalItem{ID: c.ID, ChannelAccountID: account, Provider: "meta", Kind: inbox.ItemMessage,
				Outcome: inbox.Applied, ReceivedAt: now})
		}
		err := opened.InTenant(t.Context(), business.ID, func(tx inbox.Tx) error {
			for i := range conversations {
				tx.Record(inbox.ConversationEvent(inbox.EventConversationCreated, inbox.SystemActor(business.ID), nil, &conversations[i], now))
			}
			return errors.Join(tx.InsertConversations(t.Context(), conversations), tx.UpdateConversations(t.Context(), changed),
				tx.InsertMessages(t.Context(), messages), tx.InsertJournal(t.Context(), items))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 10 {
		t.Errorf("%d statements were sent, want 5 for one row and 5 for several: %v", len(sent), slices.Sorted(maps.Keys(sent)))
	}
	return slices.Sorted(maps.Keys(sent))
}
