package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// stuckAfter is how long a message has to be due before the sweep may call it stuck (R22).
const stuckAfter = 5 * time.Minute

// stuck is an alert of kind STUCK as the database has it. Opened goes by the clock of the process that swept, which is the machine's unless a
// campaign sets it wrong.
type stuck struct {
	Message string
	Opened  time.Time
	Open    bool // still
}

// move is how far the clock of the database was put forward, and when.
type move struct {
	at time.Time
	by time.Duration
}

func (w *world) gatherStuck(ctx context.Context, conn *pgx.Conn, tn *tenant, e *evidence) error {
	rows, err := conn.Query(ctx, `SELECT subject_id::text, opened_at, closed_at IS NULL FROM alerts WHERE tenant_id = $1 AND kind = 'STUCK'
		ORDER BY opened_at`, tn.id)
	if err != nil {
		return err
	}
	e.moved = w.moved
	e.stuck, err = pgx.CollectRows(rows, pgx.RowToStructByPos[stuck])
	return err
}

// judgeAlerts: at rest no message is said to be stuck, and none was that had always been called in time (R22). One whose lane was held for long
// may not be called stuck either; who held it, and until when, is not seen from outside, so that is known from tests of internal/outbound only.
func (e *evidence) judgeAlerts(m sent, asked time.Time, calls []call, wrong complaint) {
	for _, a := range e.stuck {
		if a.Message != m.ID {
			continue
		}
		if a.Open {
			wrong("message %s is %s, and its alert of being stuck is still open", m.ID, m.Status)
		}
		// Where clocks are put wrong, a message may well have waited for long by one of them.
		if waited := e.waitedLongest(asked, calls, a.Opened); !e.loose && waited < stuckAfter {
			wrong("message %s was called stuck at %s; until then it had waited for %v at most", m.ID, a.Opened.UTC().Format(time.RFC3339Nano), waited)
		}
	}
}

// waitedLongest returns the longest time until then in which nothing was done about a message, by the clock of the database: from when it was
// asked for, or the provider was called for it, to the next call. All of them count, as a call may begin while the sweep writes the alert.
func (e *evidence) waitedLongest(asked time.Time, calls []call, until time.Time) (longest time.Duration) {
	moments := []time.Time{asked}
	for _, c := range calls {
		if c.StartedAt.Before(until) {
			moments = append(moments, c.StartedAt)
		}
	}
	moments = append(moments, until)
	for i, to := range moments[1:] {
		from := moments[i]
		waited := to.Sub(from)
		for _, m := range e.moved {
			if m.at.After(from) && m.at.Before(to) {
				waited += m.by
			}
		}
		longest = max(longest, waited)
	}
	return longest
}

// judgeAlertsOfNobody: what is called stuck is a message that was asked for.
func (e *evidence) judgeAlertsOfNobody(wrong complaint) {
	for _, a := range e.stuck {
		if !slices.ContainsFunc(e.sent, func(m sent) bool { return m.ID == a.Message }) {
			wrong("message %s was called stuck, and nobody sent it", a.Message)
		}
	}
}
