package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

// observation is what was used while something ran.
type observation struct {
	operations float64
	seconds    float64
	cores      map[string]float64 // in use, by part of what we started
	machine    float64            // cores in use by everybody
	wal        float64            // bytes
	flushing   float64            // share of the time in which the write-ahead log was being flushed
	stored     float64            // bytes by which the database grew
	rows       float64            // inserted
}

// moment is what the counters say.
type moment struct {
	at                                    time.Time
	all                                   processes
	busy                                  float64
	wal, flushMilliseconds, stored, rowed float64
}

// The time of flushes is not told in every version of Postgres.
const momentSQL = `SELECT (pg_current_wal_insert_lsn() - '0/0')::float8, coalesce((to_jsonb(w) ->> 'wal_sync_time')::float8, 0),
	pg_database_size(current_database())::float8, (SELECT sum(n_tup_ins)::float8 FROM pg_stat_user_tables WHERE schemaname = 'public')
	FROM pg_stat_wal w`

func (b *bench) now(ctx context.Context) (m moment, err error) {
	err = b.pool.QueryRow(ctx, momentSQL).Scan(&m.wal, &m.flushMilliseconds, &m.stored, &m.rowed)
	m.at, m.all, m.busy = time.Now(), readProcesses(), machineBusy()
	return m, err
}

// observe runs something that returns how many operations it did.
func (b *bench) observe(ctx context.Context, parts map[string]*process, run func() (float64, error)) (o observation, err error) {
	before, err := b.now(ctx)
	if err != nil {
		return o, err
	}
	if o.operations, err = run(); err != nil {
		return o, err
	}
	after, err := b.now(ctx)
	if err != nil {
		return o, err
	}
	o.seconds = after.at.Sub(before.at).Seconds()
	perCore := 1 / (o.seconds * 1000)
	o.cores = map[string]float64{"client": (after.all[os.Getpid()].own - before.all[os.Getpid()].own) * perCore}
	for name, p := range parts {
		o.cores[name] = (after.all.of([]*process{p}).App - before.all.of([]*process{p}).App) * perCore
	}
	had, has := before.all.of(nil), after.all.of(nil)
	o.cores["Postgres"], o.cores["Redis"] = (has.Postgres-had.Postgres)*perCore, (has.Redis-had.Redis)*perCore
	o.machine, o.flushing = (after.busy-before.busy)*perCore, (after.flushMilliseconds-before.flushMilliseconds)*perCore
	o.wal, o.stored, o.rows = after.wal-before.wal, after.stored-before.stored, after.rowed-before.rowed
	return o, nil
}

// each returns the milliseconds of a part for one operation.
func (o observation) each(part string) float64 {
	return o.cores[part] * o.seconds * 1000 / max(o.operations, 1)
}

// machineBusy returns the milliseconds that all processors have worked since the machine began.
func machineBusy() (spent float64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		if n, err := strconv.ParseFloat(field, 64); err == nil && i != 4 && i != 5 && i < 9 { // not idle, not waiting, and guests are counted as users
			spent += n * tick
		}
	}
	return spent
}
