package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
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
	t.Run("hot statements read what they answer", f.hotStatements)
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
	return append(append(append(f.lists(), f.reads()...), f.writes()...), f.sweeps()...)
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

// lists are the first page and one in the depth of every kind of list, for who sees everything and for who sees some accounts.
func (f *filled) lists() (all []hot) {
	account, team, contact := of("account", 3), of("team", 3), of("contact", 77)
	viewers := map[string]inbox.Visibility{
		"supervisor": {All: true, Agent: of("agent", 1)},
		"agent":      {Agent: of("agent", 1), Accounts: []uuid.UUID{of("account", 0), account, of("account", 7)}},
	}
	filters := map[string]inbox.ConversationFilter{
		"all": {}, "team": {TeamID: &team}, "account": {ChannelAccountID: &account}, "contact": {ContactID: &contact},
		"unassigned": {Assignee: inbox.AssignedNobody}, "mine": {Assignee: inbox.AssignedMine},
		"unassigned of an account": {Assignee: inbox.AssignedNobody, ChannelAccountID: &account},
		"unassigned of a team":     {Assignee: inbox.AssignedNobody, TeamID: &team},
		"mine of an account":       {Assignee: inbox.AssignedMine, ChannelAccountID: &account},
	}
	places := map[string]*inbox.ListPlace{"first": nil, "deep": {LastMessageAt: time.Now().Add(-7000 * time.Minute), ID: of("conversation", 7000)}}
	for who, viewer := range viewers {
		for what, filter := range filters {
			filter.Status = inbox.Statuses()
			for where, after := range places {
				q := inbox.ListQuery{Filter: filter, Viewer: viewer, After: after, Limit: 51}
				most := 750.0
				if filter.TeamID != nil && filter.Assignee == inbox.AssignedNobody {
					most = 3000 // no index has both: accounts of other teams are read in vain
				}
				all = append(all, hot{fmt.Sprintf("the %s page of %s for a %s", where, what, who), f.reading(func(ctx context.Context, tx *db.Tx) error {
					_, _, err := tx.ListConversations(ctx, q)
					return err
				}), most})
			}
		}
	}
	return all
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
			page, err := f.db.Stream().Events(ctx, f.tenant, 14_990, 100, func(*inbox.Event) bool { return true })
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
			_, err := f.db.Stream().Snapshot(ctx, f.tenant, []inbox.Event{{ConversationID: &id, MessageID: &message}})
			return err
		}, 60},
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

// writes are what is done for a message in and a message out.
func (f *filled) writes() []hot {
	return []hot{
		{"what stands where messages arrive", f.writing(func(ctx context.Context, tx *db.Tx) error {
			standing, err := tx.LockStanding(ctx, inbox.Arriving{
				Refs:     []inbox.ExternalRef{{ChannelAccountID: of("account", 1), ExternalID: "wamid.7"}},
				Senders:  []inbox.Identity{{Kind: inbox.IdentityPhone, Value: "+491000011"}},
				Accounts: []uuid.UUID{of("account", 1)}, Others: []uuid.UUID{of("conversation", 900)},
			})
			if err == nil && (len(standing.Conversations) != 2 || len(standing.Known) != 1) {
				err = fmt.Errorf("%d conversations, %d known", len(standing.Conversations), len(standing.Known))
			}
			return err
		}), 30},
		{"one message in", f.writing(func(ctx context.Context, tx *db.Tx) error { return f.arrive(ctx, tx, 1) }), 60},
		{"ten messages in", f.writing(func(ctx context.Context, tx *db.Tx) error { return f.arrive(ctx, tx, 10) }), 500},
		{"what an agent reads", f.writing(func(ctx context.Context, tx *db.Tx) error {
			r, err := tx.Reading(ctx, of("agent", 2), of("conversation", 20), of("message", 104))
			if err != nil || r.Cursor == nil {
				return fmt.Errorf("%v, %w", r.Cursor, err)
			}
			return tx.PutReadCursor(ctx, *r.Cursor, false)
		}), 20},
		{"a claim of 32 and what comes of it", f.writing(func(ctx context.Context, tx *db.Tx) error {
			attempts := make([]uuid.UUID, 32)
			for i := range attempts {
				attempts[i] = inboxtest.NewID()
			}
			due, err := tx.Claim(ctx, of("account", 4), attempts, outbound.ClaimLimits{Lease: time.Minute, Call: time.Second})
			if err != nil || len(due) != 32 {
				return fmt.Errorf("%d are due, %w", len(due), err)
			}
			return f.finish(ctx, tx, due)
		}), 1500},
		{"receipts", f.writing(func(ctx context.Context, tx *db.Tx) error {
			ref := outbound.Ref{ChannelAccountID: of("account", 1), ExternalID: "wamid.58"}
			calls, err := tx.CallsByExternalIDs(ctx, []outbound.Ref{ref})
			if err != nil || len(calls) != 1 {
				return fmt.Errorf("%d calls, %w", len(calls), err)
			}
			messages := []uuid.UUID{calls[0].MessageID}
			if _, err := tx.LockDeliveries(ctx, messages); err != nil {
				return err
			}
			_, err = tx.InsertFacts(ctx, time.Now(), []outbound.Fact{{MessageID: messages[0], Kind: outbound.FactRead, At: time.Now()}})
			if err != nil {
				return err
			}
			if _, err = tx.FactsByMessageIDs(ctx, messages); err != nil {
				return err
			}
			if _, err = tx.TakeParked(ctx, []outbound.Ref{ref}); err != nil {
				return err
			}
			return tx.UpdateDeliveries(ctx, map[uuid.UUID]outbound.Delivery{messages[0]: {Status: inbox.MessageRead}}, nil)
		}), 60},
		{"when a lane is due again", f.writing(func(ctx context.Context, tx *db.Tx) error {
			if _, _, err := tx.NextDue(ctx, of("account", 4)); err != nil {
				return err
			}
			_, err := tx.Overdue(ctx, of("account", 4), 32)
			return err
		}), 150},
		{"a key of idempotency", f.writing(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.TakeKey(ctx, of("agent", 0), inboxtest.NewID().String(), "sendMessage", []byte("hash"))
			return err
		}), 30},
	}
}

// arrive writes what n messages to n conversations write.
func (f *filled) arrive(ctx context.Context, tx *db.Tx, n int) error {
	var ids []uuid.UUID
	for i := range n {
		ids = append(ids, of("conversation", 2000+i))
	}
	conversations, err := tx.LockConversations(ctx, ids)
	if err != nil || len(conversations) != n {
		return fmt.Errorf("%d conversations, %w", len(conversations), err)
	}
	now := time.Now()
	messages, items := make([]inbox.Message, n), make([]inbox.JournalItem, n)
	for i := range conversations {
		c := &conversations[i]
		c.Version, c.LastSeq, c.InboundCount, c.LastMessageAt = c.Version+1, c.LastSeq+1, c.InboundCount+1, now
		id := inboxtest.NewID()
		messages[i] = inbox.Message{ID: id, ConversationID: c.ID, ChannelAccountID: c.ChannelAccountID, Seq: c.LastSeq, InboundNo: c.InboundCount, Direction: inbox.Inbound,
			Kind: channel.KindText, Text: "hello", Status: inbox.MessageReceived, ExternalID: id.String(), Version: 1, CreatedAt: now}
		items[i] = inbox.JournalItem{ID: id, ChannelAccountID: c.ChannelAccountID, Provider: "meta", Kind: inbox.ItemMessage, Outcome: inbox.Applied, ReceivedAt: now}
		tx.Record(inbox.ConversationEvent(inbox.EventConversationCreated, inbox.SystemActor(f.tenant), nil, c, now))
	}
	for _, err := range []error{tx.UpdateConversations(ctx, conversations), tx.InsertMessages(ctx, messages), tx.InsertJournal(ctx, items)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// finish records that the calls were accepted, of half of them, and that the others failed.
func (f *filled) finish(ctx context.Context, tx *db.Tx, due []outbound.Due) error {
	var endings []outbound.Ending
	var steps []outbound.Step
	var messages, conversations []uuid.UUID
	for i, d := range due {
		endings = append(endings, outbound.Ending{AttemptID: d.AttemptID, Outcome: outbound.AttemptAccepted, ExternalID: d.AttemptID.String()})
		if i%2 == 0 {
			messages, conversations = append(messages, d.MessageID), append(conversations, d.ConversationID)
		} else {
			steps = append(steps, outbound.Step{MessageID: d.MessageID, Attempt: d.Attempt, State: outbound.Ready, Wait: time.Hour, Tries: 1})
		}
	}
	for _, err := range []error{
		tx.FinishAttempts(ctx, endings), tx.StepDispatches(ctx, steps), tx.DeleteDispatches(ctx, messages), tx.CallNext(ctx, conversations),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// sweeps look across tenants, at every tick of every process.
func (f *filled) sweeps() []hot {
	store := f.db.Outbound()
	places := func(find func(context.Context, int) ([]outbound.Place, error)) func(context.Context) error {
		return func(ctx context.Context) error { _, err := find(ctx, 100); return err }
	}
	tenants := func(find func(context.Context, int) ([]inbox.TenantID, error)) func(context.Context) error {
		return func(ctx context.Context) error { _, err := find(ctx, 100); return err }
	}
	return []hot{
		{"stuck messages", func(ctx context.Context) error {
			_, err := store.StuckMessages(ctx, 5*time.Minute, 100)
			return err
		}, 12000},
		{"limited lanes", func(ctx context.Context) error {
			_, err := store.LimitedLanes(ctx, 5*time.Minute, 100)
			return err
		}, 100},
		{"due lanes", places(store.DueLanes), 1000},
		{"due snoozes", places(store.DueSnoozes), 100},
		{"due attachments", places(store.DueAttachments), 100},
		{"due callbacks", places(store.DueCallbacks), 100},
		{"parked", tenants(store.ParkedTenants), 120},
		{"alerts", tenants(store.AlertTenants), 500},
		{"unsealed", tenants(store.UnsealedTenants), 8000},
		{"stale keys", tenants(store.StaleKeyTenants), 300},
	}
}
