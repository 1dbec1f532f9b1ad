package chaos

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// restLimit is how long the installation may take to come to rest. Leases and the time that receipts have are not waited for: once the
// provider has nothing more to tell, the clock is put forward over them.
const restLimit = 90 * time.Second

// rest stops the load and waits until nothing is under way: nothing at the provider, nothing queued, nothing parked, no snooze due, and
// every subscriber has been told everything.
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
	var outbox struct{ Waiting int }
	if err := w.tryAsk("GET", w.vendorURL()+"/api/outbox", nil, &outbox); err != nil {
		return err.Error()
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
	if outbox.Waiting > 0 {
		return fmt.Sprintf("%d webhooks are under way", outbox.Waiting)
	}
	var queued, parked, asleep int
	var next *time.Duration
	err = w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM dispatches), (SELECT count(*) FROM parked_facts),
			(SELECT count(*) FROM conversations WHERE status = 'SNOOZED' AND snoozed_until < app.now()),
			(SELECT min(greatest(d.due_at, CASE WHEN l.breaker_opened_at IS NOT NULL AND d.state = 'READY' THEN l.probe_at END, l.limited_until)) - app.now()
			 FROM dispatches d LEFT JOIN lanes l USING (tenant_id, channel_account_id))`).Scan(&queued, &parked, &asleep, &next)
	})
	switch {
	case err != nil:
		return err.Error()
	case queued > 0:
		if next != nil && *next > time.Second {
			if err := w.exec("UPDATE app.clock SET shift = shift + $1", *next); err != nil {
				return err.Error()
			}
			w.work[0].signal(syscall.SIGTERM) // one that starts looks at once for what is due
		}
		return fmt.Sprintf("%d messages are queued", queued)
	case parked > 0:
		return fmt.Sprintf("%d receipts are parked", parked)
	case asleep > 0:
		return fmt.Sprintf("%d snoozes are over", asleep)
	}
	return w.untold()
}

// untold returns which subscriber has not been told everything, or "".
func (w *world) untold() string {
	for _, tn := range w.tenants {
		events, err := w.events(tn)
		if err != nil {
			return err.Error()
		}
		if len(events) == 0 {
			continue
		}
		for i, s := range tn.sees {
			s.mu.Lock()
			seq, start := s.seq, s.start
			s.mu.Unlock()
			if start < 0 || seq < events[len(events)-1].Seq {
				return fmt.Sprintf("subscriber %d of %s is at %d of %d", i, tn.slug, seq, events[len(events)-1].Seq)
			}
		}
	}
	return ""
}

// events returns what conversationEvents is about, in order.
func (w *world) events(tn *tenant) (all []told, err error) {
	err = w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT seq, kind, coalesce(conversation_id::text, ''), coalesce(message_id::text, '') FROM events
			WHERE tenant_id = $1 AND conversation_id IS NOT NULL AND channel_account_id IS NOT NULL AND status_after IS NOT NULL AND kind IN (
			'CONVERSATION_CREATED', 'CONVERSATION_ASSIGNED', 'CONVERSATION_RESOLVED', 'CONVERSATION_REOPENED', 'CONVERSATION_SNOOZED',
			'CONVERSATION_WOKEN', 'CONVERSATION_FLAGGED', 'MESSAGE_CREATED', 'CONTACT_CHANGED') ORDER BY seq`, tn.id)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[told])
		return err
	})
	return all, err
}

func (w *world) vendorURL() string {
	return "http://" + w.vendor.env[len(w.vendor.env)-1][len("SIMULATOR_ADDR="):]
}

// call is what the provider has on record.
type call struct {
	Seq                int
	StartedAt, EndedAt time.Time
	Account, To        string
	Opaque, MessageID  string
	Accepted           bool
	Fault              string
}

func (w *world) calls() ([]call, error) {
	var all struct{ Calls []call }
	err := w.tryAsk("GET", w.vendorURL()+"/api/calls", nil, &all)
	return all.Calls, err
}
