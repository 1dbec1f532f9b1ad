package db

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// InsertDispatches implements outbound.DispatchRows.
func (tx *Tx) InsertDispatches(ctx context.Context, lifetime time.Duration, dispatches []outbound.Dispatch) error {
	return tx.late.InsertDispatches(ctx, gen.InsertDispatchesParams{
		TenantID: tx.tenant, Lifetime: lifetime,
		MessageIds:        column(dispatches, func(d outbound.Dispatch) uuid.UUID { return d.MessageID }),
		ChannelAccountIds: column(dispatches, func(d outbound.Dispatch) uuid.UUID { return d.ChannelAccountID }),
		ConversationIds:   column(dispatches, func(d outbound.Dispatch) uuid.UUID { return d.ConversationID }),
		Seqs:              column(dispatches, func(d outbound.Dispatch) int64 { return d.Seq }),
		Recipients:        column(dispatches, func(d outbound.Dispatch) string { return d.Recipient }),
	})
}

// claim takes what is due in a lane, oldest first. READY rows are claimed, and the attempt row is written with the claim, so that it
// is there before the call. Rows of other states, expired rows and free text outside its window are only named: they are settled
// in a transaction that locks in the usual order.
//
// A row waits for an earlier one of its conversation until that one may be passed, and even then while it is about to be called (due)
// or being called (its call may still be running). They are looked for in order, which only their own index gives, so that they are found there
// whatever the queue held when the statement was planned. (SELECT app.now()) is evaluated once, app.now() for every row; OFFSET 0
// keeps each join a look-up by key, because the planner cannot know how few rows the limit lets through.
const claim = `
WITH due AS (
  SELECT d.message_id, d.state, d.attempt, d.tries, d.crashes, d.auth_retried, d.expires_at <= (SELECT app.now()) AS expired
  FROM dispatches d
  WHERE d.tenant_id = $1 AND d.channel_account_id = $2 AND NOT d.waits AND d.due_at <= (SELECT app.now())
    AND (d.state <> 'READY' OR d.expires_at <= (SELECT app.now()) OR (
      SELECT true FROM dispatches e
      WHERE e.tenant_id = d.tenant_id AND e.conversation_id = d.conversation_id AND e.seq < d.seq
        AND (e.passable_at IS NULL OR e.passable_at > (SELECT app.now()) OR e.state = 'READY' AND e.due_at <= (SELECT app.now())
          OR e.state = 'SENDING' AND e.due_at > (SELECT app.now()) + $4::interval - $5::interval)
      ORDER BY e.seq LIMIT 1) IS NULL)
  ORDER BY d.due_at, d.message_id
  LIMIT cardinality($3::uuid[])
  FOR UPDATE OF d SKIP LOCKED
), judged AS (
  SELECT due.*, m.conversation_id, m.kind, m.text, m.content, m.reply_to, m.on_unknown, c.contact_id,
    due.state = 'READY' AND NOT due.expired AND $6 AND m.kind <> 'TEMPLATE'
      AND coalesce(c.last_inbound_at <= (SELECT app.now()) - interval '24 hours', true) AS shut
  FROM due
  CROSS JOIN LATERAL (SELECT * FROM messages x WHERE x.tenant_id = $1 AND x.id = due.message_id OFFSET 0) m
  CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.tenant_id = $1 AND x.id = m.conversation_id OFFSET 0) c
), claimed AS (
  UPDATE dispatches d SET state = 'SENDING', attempt = d.attempt + 1, due_at = (SELECT app.now()) + $4::interval
  FROM judged j
  WHERE d.tenant_id = $1 AND d.message_id = j.message_id AND j.state = 'READY' AND NOT j.expired AND NOT j.shut
  RETURNING d.message_id, d.attempt, coalesce(d.recipient, (
    SELECT i.value FROM contact_identities i
    WHERE i.tenant_id = $1 AND i.contact_id = j.contact_id AND i.kind IN ('PHONE', 'META_USER_ID')
    ORDER BY i.invalid_at IS NOT NULL, i.kind = 'META_USER_ID', i.created_at DESC LIMIT 1), '') AS recipient
), numbered AS (
  SELECT c.*, ($3::uuid[])[row_number() OVER (ORDER BY c.message_id)] AS attempt_id FROM claimed c
), made AS (
  INSERT INTO delivery_attempts (tenant_id, id, message_id, channel_account_id, attempt, started_at, outcome, recipient)
  SELECT $1, n.attempt_id, n.message_id, $2, n.attempt, (SELECT app.now()), 'SENDING', n.recipient FROM numbered n
)
SELECT j.message_id, j.conversation_id, j.state, j.expired, j.shut, coalesce(n.attempt, j.attempt), n.attempt_id, j.tries, j.crashes,
  j.auth_retried, coalesce(n.recipient, ''), j.kind, j.text, j.content, coalesce(j.reply_to, ''), coalesce(j.on_unknown, '')
FROM judged j
LEFT JOIN numbered n ON n.message_id = j.message_id
ORDER BY j.message_id`

// Claim implements outbound.DispatchRows.
func (tx *Tx) Claim(ctx context.Context, account uuid.UUID, attempts []uuid.UUID, limits outbound.ClaimLimits) ([]outbound.Due, error) {
	rows, err := tx.conn.Query(ctx, claim, tx.tenant, account, attempts, limits.Lease, limits.Call, limits.Windowed)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (outbound.Due, error) {
		var d outbound.Due
		var attempt *uuid.UUID
		var content []byte
		err := row.Scan(&d.MessageID, &d.ConversationID, &d.State, &d.Expired, &d.Shut, &d.Attempt, &attempt, &d.Tries, &d.Crashes,
			&d.AuthRetried, &d.Recipient, &d.Kind, &d.Text, &content, &d.ReplyTo, &d.OnUnknown)
		if err != nil {
			return d, err
		}
		d.AttemptID = value(attempt)
		return d, json.Unmarshal(content, &d.Content)
	})
}

// Overdue implements outbound.DispatchRows.
func (tx *Tx) Overdue(ctx context.Context, account uuid.UUID, most int) ([]outbound.Due, error) {
	rows, err := tx.q.OverdueDispatches(ctx, tx.tenant, account, int32(most))
	return column(rows, func(r gen.OverdueDispatchesRow) outbound.Due {
		return outbound.Due{
			MessageID: r.MessageID, ConversationID: r.ConversationID, State: outbound.State(r.State), Expired: r.Expired,
			Attempt: int(r.Attempt), Tries: int(r.Tries), Crashes: int(r.Crashes), AuthRetried: r.AuthRetried,
			OnUnknown: inbox.OnUnknown(value(r.OnUnknown)), Kind: channel.Kind(r.Kind),
		}
	}), err
}

// LockDispatches implements outbound.DispatchRows.
func (tx *Tx) LockDispatches(ctx context.Context, messages []uuid.UUID) ([]outbound.Dispatch, error) {
	rows, err := tx.q.LockDispatches(ctx, tx.tenant, messages)
	return column(rows, dispatch), err
}

// DispatchesByIDs implements outbound.DispatchRows.
func (tx *Tx) DispatchesByIDs(ctx context.Context, messages []uuid.UUID) ([]outbound.Dispatch, error) {
	rows, err := tx.q.DispatchesByIDs(ctx, tx.tenant, messages)
	return column(rows, func(r gen.DispatchesByIDsRow) outbound.Dispatch {
		d := explain(dispatch(r.Dispatch), r)
		if d.Hold == outbound.HoldNone {
			return explainRecipient(d, r)
		}
		return d
	}), err
}

// explain tells what holds a READY row whose lane is held: only what would go before the hold is over waits for that.
func explain(d outbound.Dispatch, r gen.DispatchesByIDsRow) outbound.Dispatch {
	if d.State != outbound.Ready || r.HeldSince == nil {
		return d
	}
	hold, until := outbound.Hold(value(r.Hold)), r.Now
	switch {
	case hold == outbound.HoldReauth:
		until = d.ExpiresAt
	case hold == outbound.HoldBreaker && r.ProbeAt != nil:
		until = *r.ProbeAt
	case hold == outbound.HoldRateLimit && r.LimitedUntil != nil:
		until = *r.LimitedUntil
	}
	if until.Before(r.Now) {
		until = r.Now // it is looked at any moment
	}
	if d.DueAt.After(until) {
		return d
	}
	since := r.HeldSince.UTC()
	if d.DueAt.After(since) && d.DueAt.Before(r.Now) {
		since = d.DueAt
	}
	d.Hold, d.HeldSince = hold, &since
	if until.After(d.DueAt) {
		d.Until = until.UTC()
	}
	return d
}

// explainRecipient tells what holds a READY row that waits for the provider's limit of its recipient, or behind one of its conversation that does.
func explainRecipient(d outbound.Dispatch, r gen.DispatchesByIDsRow) outbound.Dispatch {
	if d.State != outbound.Ready || !r.RecipientLimited {
		return d
	}
	since, until := r.RecipientSince.UTC(), r.RecipientUntil.UTC()
	if until.Before(r.Now) {
		until = r.Now.UTC() // it is called at any moment
	}
	d.Hold, d.HeldSince, d.Until = outbound.HoldRateLimit, &since, until
	return d
}

func dispatch(r gen.Dispatch) outbound.Dispatch {
	return outbound.Dispatch{
		MessageID: r.MessageID, ChannelAccountID: r.ChannelAccountID, ConversationID: r.ConversationID, Seq: r.Seq,
		State: outbound.State(r.State), DueAt: r.DueAt.UTC(), Attempt: int(r.Attempt), Tries: int(r.Tries), Crashes: int(r.Crashes),
		AuthRetried: r.AuthRetried, Until: r.DueAt.UTC(),
		Recipient: value(r.Recipient), QueuedAt: r.QueuedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// StepDispatches implements outbound.DispatchRows.
func (tx *Tx) StepDispatches(ctx context.Context, steps []outbound.Step) error {
	if len(steps) == 0 {
		return nil
	}
	return tx.late.UpdateDispatches(ctx, gen.UpdateDispatchesParams{
		TenantID:    tx.tenant,
		MessageIds:  column(steps, func(s outbound.Step) uuid.UUID { return s.MessageID }),
		Attempts:    column(steps, func(s outbound.Step) int32 { return int32(s.Attempt) }),
		States:      column(steps, func(s outbound.Step) string { return string(s.State) }),
		Waits:       column(steps, func(s outbound.Step) time.Duration { return s.Wait }),
		Tries:       column(steps, func(s outbound.Step) int32 { return int32(s.Tries) }),
		Crashes:     column(steps, func(s outbound.Step) int32 { return int32(s.Crashes) }),
		AuthRetried: column(steps, func(s outbound.Step) bool { return s.AuthRetried }),
		Holds:       column(steps, func(s outbound.Step) string { return string(s.Hold) }),
		Passables:   column(steps, func(s outbound.Step) bool { return s.Passable }),
	})
}

// DeleteDispatches implements outbound.DispatchRows.
func (tx *Tx) DeleteDispatches(ctx context.Context, messages []uuid.UUID) error {
	if len(messages) == 0 {
		return nil
	}
	return tx.late.DeleteDispatches(ctx, tx.tenant, messages)
}

// CallNext implements outbound.DispatchRows.
func (tx *Tx) CallNext(ctx context.Context, conversations []uuid.UUID) error {
	if len(conversations) == 0 {
		return nil
	}
	return tx.late.CallNext(ctx, tx.tenant, conversations)
}

// OrderAgain implements outbound.DispatchRows.
func (tx *Tx) OrderAgain(ctx context.Context, account uuid.UUID, hold outbound.Hold, most int) (int, error) {
	n, err := tx.q.OrderAgain(ctx, tx.tenant, account, string(hold), int32(most))
	return int(n), err
}

// DownTooLong implements outbound.DispatchRows.
func (tx *Tx) DownTooLong(ctx context.Context, account uuid.UUID, patience time.Duration, most int) ([]outbound.Due, error) {
	rows, err := tx.q.DownTooLong(ctx, patience, int32(most), tx.tenant, account)
	return column(rows, func(r gen.DownTooLongRow) outbound.Due {
		return outbound.Due{MessageID: r.MessageID, ConversationID: r.ConversationID, State: outbound.Ready, Attempt: int(r.Attempt)}
	}), err
}

// NextDue implements outbound.DispatchRows.
func (tx *Tx) NextDue(ctx context.Context, account uuid.UUID, looked time.Time) (time.Duration, bool, error) {
	seconds, err := tx.q.NextDue(ctx, tx.tenant, account, looked)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return max(0, time.Duration(seconds*float64(time.Second))), err == nil, err
}
