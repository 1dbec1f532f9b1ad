package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// hot is a piece of work that is done for every message, page or tick.
type hot struct {
	name string
	do   func(ctx context.Context) error
	most float64 // pages that one statement of it may touch
}

// TestFilled asks of one filled database what takes long to fill.
func TestFilled(t *testing.T) {
	t.Parallel()
	f := newFilled(t)
	f.queueUp()
	t.Run("places in a list are found in indexes alone", f.listsFromIndexes)
	t.Run("hot statements read what they answer", f.hotStatements)
	t.Run("verify reads a tenant once", f.verifyIsLinear)
	t.Run("changes beside the indexes are heap-only", f.heapOnly)
}

// hotStatements lets the product do what it does all day in a database that is large for what is asked, and looks at how Postgres executed each
// statement, with the arguments and settings that it had: none reads a large table from end to end, and none touches more pages than what it
// answers needs.
func (f *filled) hotStatements(t *testing.T) {
	big := f.bigTables()
	if len(big) < 15 {
		t.Fatalf("only %v are large", big)
	}
	statements := 0
	for _, h := range f.work() {
		for range 2 { // the first time on a connection, catalogues are read too
			f.take()
			if err := h.do(t.Context()); err != nil {
				t.Fatalf("%s: %v", h.name, err)
			}
		}
		found, most := f.take(), 0.0
		for _, p := range found {
			statements++
			for _, name := range p.readWhole(big) {
				t.Errorf("%s reads all of %s:\n%s\n%s", h.name, name, p.sql, p.nodes())
			}
			if pages := p.pages(); pages > h.most {
				t.Errorf("%s touches %.0f pages, at most %.0f are allowed:\n%s\n%s", h.name, pages, h.most, p.sql, p.nodes())
			}
			most = max(most, p.pages())
		}
		t.Logf("%4.0f of %4.0f pages, %2d statements: %s", most, h.most, len(found), h.name)
		if len(found) < 2 { // the transaction's settings are one
			t.Errorf("%s: the plan was not seen", h.name)
		}
	}
	f.mustSee(t, big)
}

// mustSee lets two bad statements pass by the checks.
func (f *filled) mustSee(t *testing.T, big map[string]bool) {
	t.Helper()
	f.take()
	err := f.db.ReadTenant(t.Context(), f.tenant, func(tx inbox.Tx) error {
		return db.RawExec(t.Context(), tx, "SELECT count(*) FROM messages WHERE text = 'nothing'")
	})
	if err != nil {
		t.Fatal(err)
	}
	whole, pages := 0, 0.0
	for _, p := range f.take() {
		whole += len(p.readWhole(big))
		pages = max(pages, p.pages())
	}
	if whole == 0 && pages < 1000 {
		t.Errorf("a statement that reads all messages is not noticed: %d tables, %.0f pages", whole, pages)
	}
}

// bigTables returns the tables and parts of tables with more than 2000 rows.
func (f *filled) bigTables() map[string]bool {
	big := map[string]bool{}
	for _, name := range f.list("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND reltuples > 2000 AND relname !~ '^pg_'") {
		big[name] = true
	}
	return big
}

// readWhole returns the large tables that the statement reads from end to end.
func (p plan) readWhole(big map[string]bool) (names []string) {
	each(p.root, func(node map[string]any) {
		name, _ := node["Relation Name"].(string)
		if node["Node Type"] == "Seq Scan" && big[name] && node["Actual Loops"].(float64) > 0 {
			names = append(names, name)
		}
	})
	return names
}

// pages returns how many pages the statement touched, those of what it called included.
func (p plan) pages() float64 {
	return p.root["Shared Hit Blocks"].(float64) + p.root["Shared Read Blocks"].(float64)
}

// nodes returns the plan in a few words a node.
func (p plan) nodes() string {
	var b strings.Builder
	each(p.root, func(node map[string]any) {
		fmt.Fprintf(&b, "  %v on %v using %v: %v rows, %v pages, %v times\n", node["Node Type"], node["Relation Name"], node["Index Name"], node["Actual Rows"],
			node["Shared Hit Blocks"].(float64)+node["Shared Read Blocks"].(float64), node["Actual Loops"])
	})
	return b.String()
}

func (f *filled) work() []hot {
	return slices.Concat(f.lists(), f.reads(), f.writes(), f.sweeps(), f.queue())
}

// reading returns work in a transaction that reads, writing in one that writes.
func (f *filled) reading(fn func(context.Context, *db.Tx) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return f.db.ReadTenant(ctx, f.tenant, func(tx inbox.Tx) error { return fn(ctx, tx.(*db.Tx)) })
	}
}

func (f *filled) writing(fn func(context.Context, *db.Tx) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return f.db.InTenant(ctx, f.tenant, func(tx inbox.Tx) error { return fn(ctx, tx.(*db.Tx)) })
	}
}

// reads are what is asked for a page, a stream and a webhook.
func (f *filled) reads() []hot {
	ids := []uuid.UUID{of("conversation", 5000), of("conversation", 9000)}
	agent := inbox.Visibility{Agent: of("agent", 1), Accounts: []uuid.UUID{of("account", 3)}}
	open := inbox.ConversationFilter{Status: []inbox.Status{inbox.StatusOpen}}
	return []hot{
		{"a page of messages", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.MessagePages(ctx, inbox.MessageQuery{Conversations: ids, Limit: 51})
			return err
		}), 30},
		{"a page of messages backwards", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.MessagePages(ctx, inbox.MessageQuery{Conversations: ids, Before: 1 << 40, Backwards: true, Limit: 51})
			return err
		}), 30},
		{"events after a cursor in an old volume", func(ctx context.Context) error {
			page, err := f.db.Stream().Events(ctx, f.tenant, 14_990, 100, func(*inbox.Event) (inbox.Reach, bool) { return inbox.WholeReach(), true })
			if err == nil && (len(page.Events) != 100 || page.Snapshot == nil) {
				err = fmt.Errorf("%d events", len(page.Events))
			}
			return err
		}, 3500},
		{"events of a cursor that is up to date", func(ctx context.Context) error {
			_, err := f.db.Stream().Events(ctx, f.tenant, 29_999, 100, nil)
			return err
		}, 30},
		{"what an event points to", func(ctx context.Context) error {
			id, message := of("conversation", 100), of("message", 500)
			_, err := f.db.Stream().Snapshot(ctx, f.tenant, []inbox.Event{{ConversationID: &id, MessageID: &message}}, inbox.WholeReach())
			return err
		}, 70},
		{"the marks of a page of which one message was changed without end", f.reading(func(ctx context.Context, tx *db.Tx) error {
			var refs []inbox.ExternalRef
			for n := 480; n < 530; n++ {
				refs = append(refs, inbox.ExternalRef{ChannelAccountID: of("account", n/5%10), ExternalID: fmt.Sprint("wamid.", n)})
			}
			marks, err := tx.MarksByTargets(ctx, refs)
			if err == nil && (len(marks) != 12 || marks[11].Text != "5000" || marks[10].Text != "4999") {
				err = fmt.Errorf("%d marks, or not the newest", len(marks))
			}
			return err
		}), 300},
		{"heads", func(ctx context.Context) error {
			_, err := f.db.Stream().Heads(ctx, []inbox.TenantID{f.tenant})
			return err
		}, 20},
		{"the accounts of a webhook", func(ctx context.Context) error {
			_, err := f.db.AccountsByRef(ctx, "meta", []string{"1-3", "1-4"})
			return err
		}, 20},
		{"the account of an address", func(ctx context.Context) error {
			_, _, err := f.db.AccountByEndpoint(ctx, "meta", "1-3")
			return err
		}, 10},
		{"a count for an agent", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.CountConversations(ctx, open, []inbox.Visibility{agent})
			return err
		}), 900},
		{"a count for a supervisor", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.CountConversations(ctx, open, []inbox.Visibility{{All: true}})
			return err
		}), 900},
		{"the unread of two conversations", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.UnreadCounts(ctx, []uuid.UUID{of("agent", 1), of("agent", 2)}, ids)
			return err
		}), 30},
		{"the unread of an agent", f.reading(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.UnreadGroups(ctx, []inbox.Visibility{agent})
			return err
		}), 3000},
	}
}

// sweeps look across tenants, at every tick of every process.
func (f *filled) sweeps() []hot {
	store := f.db.Outbound()
	places := func(find func(context.Context, int) ([]outbound.Place, error)) func(context.Context) error {
		return func(ctx context.Context) error { _, err := find(ctx, 100); return err }
	}
	tenants := func(find func(context.Context, inbox.TenantID, int) ([]inbox.TenantID, error)) func(context.Context) error {
		return func(ctx context.Context) error { _, err := find(ctx, inbox.TenantID{}, 100); return err }
	}
	return []hot{
		{"stuck messages", func(ctx context.Context) error {
			_, err := store.StuckMessages(ctx, 5*time.Minute, 100)
			return err
		}, 16000},
		{"limited lanes", func(ctx context.Context) error {
			_, err := store.LimitedLanes(ctx, 5*time.Minute, 100)
			return err
		}, 100},
		{"due lanes", places(store.DueLanes), 1000},
		{"due snoozes", places(store.DueSnoozes), 100},
		{"due attachments", places(store.DueAttachments), 100},
		{"due callbacks", places(store.DueCallbacks), 100},
		{"parked", tenants(store.ParkedTenants), 400},
		{"alerts", tenants(store.AlertTenants), 500},
		{"unsealed", tenants(store.UnsealedTenants), 8000},
		{"stale keys", func(ctx context.Context) error { _, err := store.StaleKeyTenants(ctx, 100); return err }, 300},
	}
}
