package db_test

import (
	"context"
	"fmt"
	"time"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// queueUp lets 3,000 messages wait in twenty conversations of a lane whose breaker has been open for two hours, beside 3,000 that wait for nothing
// but it; of these every fifth has been called and met the limit of its recipient.
func (f *filled) queueUp() {
	f.Exec(`INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at, waits)
	  SELECT $1, m.id, $2, CASE WHEN n < 3000 THEN c.ids[1 + n % 20] ELSE m.conversation_id END, 100 + n, 'READY', at, at, at + interval '1 day', n < 3000
	  FROM (SELECT id, conversation_id, (row_number() OVER (ORDER BY id))::int AS n, now() - interval '90 minutes' AS at FROM messages
	        WHERE tenant_id = $1 AND channel_account_id = $2 AND seq = 4 OR tenant_id = $1 AND seq = 3 ORDER BY id LIMIT 6000) m,
	    (SELECT array_agg(id) AS ids FROM (SELECT id FROM conversations WHERE tenant_id = $1 AND channel_account_id = $2 ORDER BY id DESC LIMIT 20) x) c`,
		f.tenant.UUID(), of("account", 9))
	f.Exec(`INSERT INTO lanes (tenant_id, channel_account_id, breaker_opened_at, probe_at, hold, held_since)
		VALUES ($1, $2, now() - interval '2 hours', now(), 'BREAKER', now() - interval '2 hours')`,
		f.tenant.UUID(), of("account", 9))
	f.Exec("UPDATE dispatches SET hold = 'RECIPIENT', held_since = now() WHERE tenant_id = $1 AND channel_account_id = $2 AND NOT waits AND seq % 5 = 0",
		f.tenant.UUID(), of("account", 9))
	f.Exec("VACUUM ANALYZE dispatches")
}

// queue is what is asked about long queues: none of it reads one from end to end.
func (f *filled) queue() []hot {
	account := of("account", 9)
	return []hot{
		{"conversations that nobody called", func(ctx context.Context) error {
			places, err := f.db.Outbound().UncalledConversations(ctx, 1000)
			if len(places) != 20 {
				err = fmt.Errorf("%d conversations, %w", len(places), err)
			}
			return err
		}, 400},
		{"what a breaker held for too long", f.reading(func(ctx context.Context, tx *db.Tx) error {
			due, err := tx.DownTooLong(ctx, account, time.Hour, 200)
			if len(due) != 200 {
				err = fmt.Errorf("%d rows, %w", len(due), err)
			}
			return err
		}), 150},
		{"a look at a lane that is held", f.writing(func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.HoldLane(ctx, account, outbound.HoldRateLimit, time.Minute); err != nil {
				return err
			}
			if _, err := tx.Overdue(ctx, account, 200); err != nil {
				return err
			}
			_, err := tx.FreeLane(ctx, account, outbound.HoldRateLimit, time.Minute)
			return err
		}), 150},
		{"the order of a lane that is freed", f.writing(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.OrderAgain(ctx, account, outbound.HoldBreaker, 1000)
			return err
		}), 40},
	}
}
