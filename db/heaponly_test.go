package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// change is what a use case does to a row, and whether Postgres may keep it out of the table's indexes (HOT).
type change struct {
	name, table string
	heapOnly    bool
	do          func(ctx context.Context, tx *db.Tx, n int) error
}

// heapOnly makes each change to twenty rows that lie side by side, a transaction a row as in life. Where no indexed column changes and the
// fillfactor leaves room, no index is written. A page may be full all the same, so not every row must be spared.
func (f *filled) heapOnly(t *testing.T) {
	for _, c := range f.changes() {
		// The server counts on from earlier transactions that it has not reported yet.
		counts := fmt.Sprintf(`pg_stat_get_xact_tuples_updated('%[1]s'::regclass) || ' ' || pg_stat_get_xact_tuples_hot_updated('%[1]s'::regclass)`, c.table)
		before := "SELECT set_config('app.counts', " + counts + ", true)"
		after := fmt.Sprintf(`SELECT app.must(split_part(%[1]s, ' ', 1)::int > split_part(%[2]s, ' ', 1)::int AND
			(split_part(%[1]s, ' ', 2)::int > split_part(%[2]s, ' ', 2)::int) = %[3]t, 'other than expected')`, counts, "current_setting('app.counts')", c.heapOnly)
		others, allowed := 0, 0
		if c.heapOnly {
			allowed = 10
		}
		for n := range 20 {
			err := f.writing(func(ctx context.Context, tx *db.Tx) error {
				if err := errors.Join(db.RawExec(ctx, tx, before), c.do(ctx, tx, n)); err != nil {
					return err
				}
				return db.RawExec(ctx, tx, after)
			})(t.Context())
			if err != nil && !strings.Contains(err.Error(), "other than expected") {
				t.Fatalf("%s, row %d: %v", c.name, n, err)
			}
			if err != nil {
				others++
			}
		}
		if others > allowed {
			t.Errorf("%s: %d of 20 rows are not as wanted; a heap-only change: %t", c.name, others, c.heapOnly)
		}
	}
}

func (f *filled) changes() []change {
	return []change{
		{"an agent reads on", "read_cursors", true, func(ctx context.Context, tx *db.Tx, n int) error {
			c := inbox.ReadCursor{AgentID: of("agent", (300+2*n)/10%20), ConversationID: of("conversation", 300+2*n), Seq: 5, InboundNo: 3, ReadAt: time.Now()}
			return tx.PutReadCursor(ctx, c, false)
		}},
		{"a receipt", "messages", true, func(ctx context.Context, tx *db.Tx, n int) error {
			return tx.UpdateDeliveries(ctx, map[uuid.UUID]outbound.Delivery{of("message", 40_000+5*n+4): {Status: inbox.MessageRead}}, nil)
		}},
		{"a mark on a message", "messages", true, func(ctx context.Context, tx *db.Tx, n int) error {
			_, err := tx.BumpMessages(ctx, []uuid.UUID{of("message", 50_000+5*n)})
			return err
		}},
		{"a failure on a road", "lanes", true, func(ctx context.Context, tx *db.Tx, n int) error {
			if _, err := tx.LockBreaker(ctx, of("account", 5)); err != nil {
				return err
			}
			return tx.ChangeLane(ctx, of("account", 5), outbound.LaneChange{Failures: n})
		}},
		{"a conversation to follow up", "conversations", true, func(ctx context.Context, tx *db.Tx, n int) error {
			return f.alter(ctx, tx, 6000+n, func(c *inbox.Conversation) { now := time.Now(); c.FollowUpAt = &now })
		}},
		// Its place in the lists changes.
		{"a conversation with a new message", "conversations", false, func(ctx context.Context, tx *db.Tx, n int) error {
			return f.alter(ctx, tx, 6100+n, func(c *inbox.Conversation) { c.LastMessageAt = time.Now() })
		}},
		{"an assigned conversation", "conversations", false, func(ctx context.Context, tx *db.Tx, n int) error {
			return f.alter(ctx, tx, 6200+n, func(c *inbox.Conversation) { id := of("agent", 19); c.AssigneeID = &id })
		}},
		// A queue is claimed in the order of an index, and a claim moves a row to the end of it.
		{"a claim", "dispatches", false, func(ctx context.Context, tx *db.Tx, _ int) error {
			due, err := tx.Claim(ctx, of("account", 6), []uuid.UUID{inboxtest.NewID()}, outbound.ClaimLimits{Lease: time.Minute, Call: time.Second})
			if err == nil && len(due) != 1 {
				err = fmt.Errorf("%d are due", len(due))
			}
			return err
		}},
	}
}

// alter writes a change of the nth conversation.
func (f *filled) alter(ctx context.Context, tx *db.Tx, n int, to func(*inbox.Conversation)) error {
	conversations, err := tx.LockConversations(ctx, []uuid.UUID{of("conversation", n)})
	if err != nil || len(conversations) != 1 {
		return fmt.Errorf("%d conversations, %w", len(conversations), err)
	}
	to(&conversations[0])
	conversations[0].Version++
	return tx.UpdateConversations(ctx, conversations)
}
