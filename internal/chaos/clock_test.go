package chaos

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// shiftClock makes clocks wrong while everything goes on: that of the database three times of four, then those of processes.
func shiftClock(w *world, n int) {
	if n%4 == 3 {
		shiftProcesses(w, n/4)
		return
	}
	shift := []string{"10 minutes", "-10 minutes", "-1 hour"}[n%4]
	w.done["database "+shift]++
	if err := w.exec("UPDATE app.clock SET shift = $1::text::interval", shift); err != nil {
		w.t.Fatal(err)
	}
	w.linger(3*time.Second, 5*time.Second)
	if err := w.exec("UPDATE app.clock SET shift = '0'"); err != nil {
		w.t.Fatal(err)
	}
	w.linger(time.Second, 2*time.Second)
}

// shiftProcesses puts one of the processes that work 5 minutes ahead and one behind, or both that serve ahead; two that serve must agree on
// the time to a minute, or one does not take the tokens of the other. All of them, and Postgres, live in zones of their own.
func shiftProcesses(w *world, turn int) {
	wrong := map[*process]string{w.work[0]: "5m", w.work[1]: "-5m"}
	if turn%2 == 1 {
		wrong = map[*process]string{w.serve[0]: "5m", w.serve[1]: "5m"}
	}
	zones := []string{"America/New_York", "Australia/Lord_Howe"}
	before := w.newestEvent()
	w.relocate("SET timezone = 'Australia/Lord_Howe'", func(i int, p *process) (zone, offset string) { return zones[i%2], wrong[p] })
	w.eventually("a process tells a time that is ahead", patience, func() bool { return w.tellsTime(before, "at > now() + interval '4 minutes'") })
	if turn%2 == 0 {
		w.eventually("a process tells a time that is behind", patience, func() bool { return w.tellsTime(before, "at < now() - interval '4 minutes'") })
	}
	w.done[[]string{"workers ahead and behind", "servers ahead"}[turn%2]]++
	w.linger(3*time.Second, 5*time.Second)
	w.relocate("RESET timezone", func(int, *process) (zone, offset string) { return "UTC", "" })
	w.linger(time.Second, 2*time.Second)
}

// relocate starts every process anew in a zone, with a clock that is wrong by an offset, and has the database do the same.
func (w *world) relocate(database string, to func(int, *process) (zone, offset string)) {
	w.t.Helper()
	if err := w.exec("ALTER DATABASE switchboard " + database); err != nil {
		w.t.Fatal(err)
	}
	var stops []*stop
	for i, p := range append(append([]*process{}, w.serve...), w.work...) {
		zone, offset := to(i, p)
		p.setenv("TZ", zone)
		p.setenv("CLOCK_OFFSET", offset)
		stops = append(stops, p.terminate())
	}
	w.stopped(stops...)
}

// newestEvent returns the number of the newest event of the first tenant.
func (w *world) newestEvent() (seq int64) {
	w.t.Helper()
	if err := w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT coalesce(max(seq), 0) FROM events WHERE tenant_id = $1", w.tenants[0].id).Scan(&seq)
	}); err != nil {
		w.t.Fatal(err)
	}
	return seq
}

// tellsTime reports whether an event of the first tenant after that one was told with such a time.
func (w *world) tellsTime(after int64, such string) (found bool) {
	_ = w.sql(func(ctx context.Context, conn *pgx.Conn) error { // asked again otherwise
		return conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM events WHERE tenant_id = $1 AND seq > $2 AND "+such+")", w.tenants[0].id, after).Scan(&found)
	})
	return found
}
