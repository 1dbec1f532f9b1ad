package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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

const headNow = `SELECT seq, epoch FROM tenant_heads WHERE tenant_id = $1`

// queueHead reads where the stream stands, as the first statement of a message whose others read the data.
func queueHead(batch *pgx.Batch, tenant uuid.UUID, cursor *inbox.Cursor) {
	batch.Queue(headNow, tenant).QueryRow(func(row pgx.Row) error {
		var epoch uuid.UUID
		err := row.Scan(&cursor.Seq, &epoch)
		cursor.Epoch = epochText(epoch)
		return err
	})
}

// The head's row lock is taken here, last, and held only until the commit that follows in the same message: numbers are given in
// commit order and without gaps.
const insertEvents = `
WITH head AS (
  UPDATE tenant_heads SET seq = seq + $2 WHERE tenant_id = $1 RETURNING seq
), made AS (
  INSERT INTO events (tenant_id, seq, kind, at, actor_kind, actor_id, cause, conversation_id, channel_account_id, contact_id,
    message_id, message_seq, direction, agent_id, session_id, alert_id, version, status_before, status_after,
    assignee_before, assignee_after, team_before, team_after, message_status_before, message_status_after)
  SELECT $1, head.seq - $2 + e.no, e.kind, e.at, e.actor_kind, e.actor_id, nullif(e.cause, ''), e.conversation_id,
    e.channel_account_id, e.contact_id, e.message_id, nullif(e.message_seq, 0), nullif(e.direction, ''), e.agent_id, e.session_id,
    e.alert_id, nullif(e.version, 0), nullif(e.status_before, ''), nullif(e.status_after, ''), e.assignee_before, e.assignee_after,
    e.team_before, e.team_after, nullif(e.message_status_before, ''), nullif(e.message_status_after, '')
  FROM head, unnest($3::text[], $4::timestamptz[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::uuid[], $10::uuid[],
    $11::uuid[], $12::bigint[], $13::text[], $14::uuid[], $15::uuid[], $16::uuid[], $17::bigint[], $18::text[], $19::text[],
    $20::uuid[], $21::uuid[], $22::uuid[], $23::uuid[], $24::text[], $25::text[]) WITH ORDINALITY
    AS e (kind, at, actor_kind, actor_id, cause, conversation_id, channel_account_id, contact_id, message_id, message_seq, direction,
      agent_id, session_id, alert_id, version, status_before, status_after, assignee_before, assignee_after, team_before,
      team_after, message_status_before, message_status_after, no)
)
SELECT seq FROM head`

func queueEvents(batch *pgx.Batch, tenant uuid.UUID, events []inbox.Event, seq *int64) {
	args := []any{
		tenant, int64(len(events)),
		column(events, func(e inbox.Event) string { return string(e.Kind) }),
		column(events, func(e inbox.Event) time.Time { return e.At }),
		column(events, func(e inbox.Event) string { return string(e.ActorKind) }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.ActorID }),
		column(events, func(e inbox.Event) string { return string(e.Cause) }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.ConversationID }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.ChannelAccountID }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.ContactID }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.MessageID }),
		column(events, func(e inbox.Event) int64 { return e.MessageSeq }),
		column(events, func(e inbox.Event) string { return string(e.Direction) }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.AgentID }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.SessionID }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.AlertID }),
		column(events, func(e inbox.Event) int64 { return e.Version }),
		column(events, func(e inbox.Event) string { return string(e.StatusBefore) }),
		column(events, func(e inbox.Event) string { return string(e.StatusAfter) }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.AssigneeBefore }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.AssigneeAfter }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.TeamBefore }),
		column(events, func(e inbox.Event) *uuid.UUID { return e.TeamAfter }),
		column(events, func(e inbox.Event) string { return string(e.MessageStatusBefore) }),
		column(events, func(e inbox.Event) string { return string(e.MessageStatusAfter) }),
	}
	batch.Queue(insertEvents, args...).QueryRow(func(row pgx.Row) error { return row.Scan(seq) })
}

// column collects one value of every item, as unnest wants them.
func column[T, V any](items []T, value func(T) V) []V {
	values := make([]V, len(items))
	for i, item := range items {
		values[i] = value(item)
	}
	return values
}
