package db

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Record implements inbox.Recorder.
func (tx *Tx) Record(events ...inbox.Event) { tx.events = append(tx.events, events...) }

// Head implements inbox.Recorder.
func (tx *Tx) Head(ctx context.Context) (int64, string, error) {
	row, err := tx.q.Head(ctx, tx.tenant)
	if err != nil {
		return 0, "", err
	}
	return row.Seq, epochText(row.Epoch), nil
}

// queueHead reads where the stream stands, as the first statement of a message whose others read the data.
func queueHead(batch *pgx.Batch, tenant uuid.UUID, cursor *inbox.Cursor) {
	batch.Queue(gen.Head, tenant).QueryRow(func(row pgx.Row) error {
		var epoch uuid.UUID
		err := row.Scan(&cursor.Seq, &epoch)
		cursor.Epoch = epochText(epoch)
		return err
	})
}

// The head's row lock is taken here, last, and held only until the commit that follows in the same message: numbers are given in
// commit order and without gaps.
const takeNumbers = `UPDATE tenant_heads SET seq = seq + $2, volume = greatest(volume, ` + openVolume + `)
  WHERE tenant_id = $1 RETURNING seq, volume`

// queueEvents numbers and inserts the events; seq becomes the number of the last one.
func queueEvents(batch *pgx.Batch, tenant uuid.UUID, events []inbox.Event, seq *int64) {
	r := rowsOf(tenant, events, int64(len(events)))
	places := make([]int64, len(events))
	for i := range places {
		places[i] = int64(i + 1)
	}
	fillWith(r, "seq", "bigint", places)
	r.values[0] = "head.seq - $2 + " + r.values[0]
	fillEvents(r)
	r.set("volume", "head.volume")
	sql := "WITH head AS (" + takeNumbers + ") INSERT INTO events (tenant_id, " + strings.Join(r.columns, ", ") +
		") SELECT $1::uuid, " + strings.Join(r.values, ", ") + " FROM head" + r.from(", ") + " RETURNING seq"
	batch.Queue(sql, r.args...).Query(func(rows pgx.Rows) error {
		var given int64
		_, err := pgx.ForEachRow(rows, []any{&given}, func() error {
			*seq = max(*seq, given)
			return nil
		})
		return err
	})
}

func fillEvents(r *rows[inbox.Event]) {
	fill(r, "kind", "text", func(e *inbox.Event) string { return string(e.Kind) })
	fill(r, "at", "timestamptz", func(e *inbox.Event) time.Time { return e.At })
	fill(r, "actor_kind", "text", func(e *inbox.Event) string { return string(e.ActorKind) })
	fillPointer(r, "actor_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.ActorID })
	fillText(r, "cause", func(e *inbox.Event) inbox.Cause { return e.Cause })
	fillPointer(r, "conversation_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.ConversationID })
	fillPointer(r, "channel_account_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.ChannelAccountID })
	fillPointer(r, "contact_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.ContactID })
	fillPointer(r, "message_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.MessageID })
	fillNumber(r, "message_seq", func(e *inbox.Event) int64 { return e.MessageSeq })
	fillText(r, "direction", func(e *inbox.Event) inbox.Direction { return e.Direction })
	fillPointer(r, "agent_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.AgentID })
	fillPointer(r, "session_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.SessionID })
	fillPointer(r, "alert_id", "uuid", func(e *inbox.Event) *uuid.UUID { return e.AlertID })
	fillNumber(r, "version", func(e *inbox.Event) int64 { return e.Version })
	fillText(r, "status_before", func(e *inbox.Event) inbox.Status { return e.StatusBefore })
	fillText(r, "status_after", func(e *inbox.Event) inbox.Status { return e.StatusAfter })
	fillPointer(r, "assignee_before", "uuid", func(e *inbox.Event) *uuid.UUID { return e.AssigneeBefore })
	fillPointer(r, "assignee_after", "uuid", func(e *inbox.Event) *uuid.UUID { return e.AssigneeAfter })
	fillPointer(r, "team_before", "uuid", func(e *inbox.Event) *uuid.UUID { return e.TeamBefore })
	fillPointer(r, "team_after", "uuid", func(e *inbox.Event) *uuid.UUID { return e.TeamAfter })
	fillText(r, "message_status_before", func(e *inbox.Event) inbox.MessageStatus { return e.MessageStatusBefore })
	fillText(r, "message_status_after", func(e *inbox.Event) inbox.MessageStatus { return e.MessageStatusAfter })
}

// column collects one value of every item, as unnest wants them.
func column[T, V any](items []T, value func(T) V) []V {
	values := make([]V, len(items))
	for i, item := range items {
		values[i] = value(item)
	}
	return values
}
