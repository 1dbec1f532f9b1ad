package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// moveAwayFromPostgres restarts Postgres five times of seven, and loses it to its standby twice.
func moveAwayFromPostgres(w *world, n int) {
	if n%7 == 1 || n%7 == 5 {
		promoteStandby(w, n)
		return
	}
	restartPostgres(w, n)
}

// promoteStandby gives the primary a standby that confirms every commit, kills it under load and promotes the standby. The one that died
// is thrown away: the next cycle builds its successor anew, in the place that is free.
func promoteStandby(w *world, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	old, place := w.postgres(), 1-w.primary.Load()
	var standby *embedded.Postgres
	w.eventually("a copy of Postgres runs", patience, func() (done bool) { // on a busy machine a copy may not be ready in time
		var err error
		dir := filepath.Join(w.dir, fmt.Sprintf("standby-%d-%d", n, time.Now().UnixNano()))
		standby, err = embedded.StartStandby(ctx, embedded.Options{Dir: dir, Fsync: true, Settings: map[string]string{"max_connections": "300"}}, old)
		return err == nil
	})
	w.slots[place].Store(standby)
	// After the copy was taken: the standby, once promoted, must not wait for another one.
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if err := w.exec(statement); err != nil {
			w.t.Fatal(err)
		}
	}
	w.eventually("the standby confirms", patience, w.confirmed)
	w.linger(500*time.Millisecond, 2*time.Second)
	if err := old.Kill(); err != nil {
		w.t.Fatal(err)
	}
	w.linger(0, time.Second)
	if err := standby.Promote(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.slots[1-place].Store(nil)
	w.primary.Store(place)
	w.stop(old)
	var err error
	if !within(10*time.Second, func() bool { err = os.RemoveAll(old.Dir()); return err == nil }) { // its sessions may outlive it for a moment
		w.t.Error(err)
	}
	w.back()
	w.linger(300*time.Millisecond, time.Second)
}

// confirmed reports whether a standby has everything that is committed, and has to have what will be.
func (w *world) confirmed() (synchronous bool) {
	err := w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		const query = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'standby' AND sync_state = 'sync' AND state = 'streaming')"
		return conn.QueryRow(ctx, query).Scan(&synchronous)
	})
	return err == nil && synchronous
}
