package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// restLimit is how long the installation may take to come to rest: 90 s on a machine that has nothing else to do. Leases and the time that
// receipts have are not waited for: once the provider has nothing more to tell, the clock is put forward over them.
const restLimit = 5 * time.Minute

// rest stops the load and waits until nothing is under way: nothing at the provider, nothing queued, nothing parked, no snooze due, no
// message called stuck, and every subscriber has been told everything.
func (w *world) rest() {
	w.t.Helper()
	w.load.end()
	began := time.Now()
	stop := make(chan struct{})
	var following sync.WaitGroup
	for _, tn := range w.tenants {
		for _, s := range tn.sees {
			following.Go(func() { s.run(stop) })
		}
	}
	defer following.Wait()
	defer close(stop)
	var why string
	looked := time.Time{}
	if !within(restLimit, func() bool {
		if time.Since(looked) < 200*time.Millisecond {
			return false
		}
		looked = time.Now()
		why = w.unrest()
		return why == ""
	}) {
		w.t.Errorf("not at rest after %v: %s", restLimit, why)
	}
	if err := w.exec("UPDATE app.clock SET shift = '0'"); err != nil {
		w.t.Error(err)
	}
	w.t.Logf("at rest after %v", time.Since(began).Round(100*time.Millisecond))
}

// unrest returns what is still under way, or "".
func (w *world) unrest() string {
	if !w.healthy() {
		return "a process is not ready"
	}
	if why := w.undelivered(); why != "" {
		return why
	}
	if why := w.waiting(); why != "" {
		return why
	}
	calls, err := w.calls()
	if err != nil {
		return err.Error()
	}
	for _, c := range calls {
		if c.EndedAt.IsZero() {
			return fmt.Sprintf("call %d is under way", c.Seq)
		}
	}
	if why := w.undelivered(); why != "" { // of a message that was sent after the first look
		return why
	}
	return w.untold()
}

// undelivered returns how much the provider has still to tell, or "".
func (w *world) undelivered() string {
	var outbox struct{ Waiting int }
	if err := w.tryAsk("GET", w.vendorURL()+"/api/outbox", nil, &outbox); err != nil {
		return err.Error()
	}
	if outbox.Waiting > 0 {
		return fmt.Sprintf("%d webhooks are under way", outbox.Waiting)
	}
	return ""
}

// waiting returns what waits in the database, or "". What is due later is made due by putting the clock forward.
func (w *world) waiting() string {
	var ready, queued, parked, asleep, stuck int
	var next *time.Duration
	// What waits behind another message of its conversation is due, and yet nothing happens before that one is.
	const query = `SELECT count(*) FILTER (WHERE due AND NOT behind), count(*),
		(SELECT count(*) FROM parked_facts WHERE external_id NOT LIKE 'stray-%'),
		(SELECT count(*) FROM conversations WHERE status = 'SNOOZED' AND snoozed_until < app.now()),
		(SELECT count(*) FROM alerts WHERE kind = 'STUCK' AND closed_at IS NULL), min(at) FILTER (WHERE at > app.now()) - app.now()
		FROM (SELECT greatest(d.due_at, CASE WHEN l.breaker_opened_at IS NOT NULL AND d.state = 'READY' THEN l.probe_at END, l.limited_until) AS at,
			greatest(d.due_at, CASE WHEN l.breaker_opened_at IS NOT NULL AND d.state = 'READY' THEN l.probe_at END, l.limited_until) <= app.now() AS due,
			EXISTS (SELECT FROM dispatches b WHERE b.tenant_id = d.tenant_id AND b.conversation_id = d.conversation_id AND b.seq < d.seq) AS behind
			FROM dispatches d LEFT JOIN lanes l USING (tenant_id, channel_account_id)) waiting`
	err := w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, query).Scan(&ready, &queued, &parked, &asleep, &stuck, &next)
	})
	switch {
	case err != nil:
		return err.Error()
	case queued > 0:
		if ready == 0 && next != nil && *next > time.Second {
			w.moved = append(w.moved, move{time.Now(), *next}) // beforehand, as everything that follows is later
			if err := w.exec("UPDATE app.clock SET shift = shift + $1", *next); err != nil {
				return err.Error()
			}
			if w.anew == nil || w.anew.isOver() { // told twice, it would end as a failure
				w.anew = w.work[0].stopNow() // one that starts looks at once for what is due
			}
		}
		return fmt.Sprintf("%d messages are queued, %d of them due now, the next in %v", queued, ready, next)
	case parked > 0:
		return fmt.Sprintf("%d receipts are parked", parked)
	case asleep > 0:
		return fmt.Sprintf("%d snoozes are over", asleep)
	case stuck > 0:
		return fmt.Sprintf("%d messages are called stuck, and are not", stuck)
	}
	return ""
}

// untold returns which subscriber has not been told everything, or "".
func (w *world) untold() string {
	for _, tn := range w.tenants {
		all := map[string][]told{}
		for i, s := range tn.sees {
			s.mu.Lock()
			seq, start, only := s.seq, s.start, s.only
			s.mu.Unlock()
			events, known := all[only]
			if !known {
				var err error
				if events, err = w.events(tn, only); err != nil {
					return err.Error()
				}
				all[only] = events
			}
			last := int64(0)
			if len(events) > 0 {
				last = events[len(events)-1].Seq
			}
			if start < 0 || seq < last {
				return fmt.Sprintf("subscriber %d of %s is at %d of %d", i, tn.slug, seq, last)
			}
		}
	}
	return ""
}
