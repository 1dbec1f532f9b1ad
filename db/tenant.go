package db

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Tx is one transaction of one tenant. It implements inbox.Tx and outbound.Tx, and like them is not safe for concurrent use.
type Tx struct {
	q      *gen.Queries
	late   *gen.Queries // for writes without an answer: they go out with the next statement
	conn   *line        // for the few statements that sqlc cannot write
	tenant uuid.UUID
	atEnd  pgx.Batch // reads that go with the commit
	events []inbox.Event
	reads  bool // it is read-only
}

// Last implements inbox.Tx.
func (tx *Tx) Last() { tx.conn.last = tx.reads }

// InTenant implements inbox.Store.
func (d *DB) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	return d.inTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

// ReadTenant implements inbox.Store.
func (d *DB) ReadTenant(ctx context.Context, tenant inbox.TenantID, fn func(inbox.Tx) error) error {
	return d.readTenant(ctx, tenant, func(tx *Tx) error { return fn(tx) })
}

// inTenant is the only BEGIN and COMMIT of a tenant's changes. It runs fn again when the transaction lost a race.
func (d *DB) inTenant(ctx context.Context, tenant inbox.TenantID, fn func(*Tx) error) error {
	var seq int64
	for run := 1; ; run++ {
		tx := &Tx{tenant: tenant.UUID()}
		err := d.within(ctx, "begin", tx, func() (err error) {
			if err = fn(tx); err == nil {
				seq, err = tx.commit(ctx)
			}
			return err
		})
		if err == nil {
			break
		}
		if run >= runsWorth(err) || ctx.Err() != nil {
			return d.mapError(err)
		}
		if err := pause(ctx, run); err != nil {
			return mapError(err)
		}
	}
	if seq > 0 && d.committed != nil {
		d.committed(tenant, seq)
	}
	return nil
}

func (d *DB) readTenant(ctx context.Context, tenant inbox.TenantID, fn func(*Tx) error) error {
	tx := &Tx{tenant: tenant.UUID(), reads: true}
	return d.mapError(d.within(ctx, "begin isolation level repeatable read read only", tx, func() error {
		if err := fn(tx); err != nil || tx.conn.ended {
			return err
		}
		_, err := tx.commit(ctx)
		return err
	}))
}

// within borrows a connection, begins with the tenant set in the round trip of the first statement, and runs body, which commits. A body
// that fails or panics is rolled back; a connection that cannot be rolled back is closed rather than returned.
func (d *DB) within(ctx context.Context, begin string, tx *Tx, body func() error) error {
	if tx.tenant == uuid.Nil {
		return fault.New(fault.Internal, "a transaction was begun for no tenant")
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	committed := false
	defer func() {
		if !committed {
			rollback(conn)
		}
	}()
	tx.conn = &line{conn: conn, kept: []statement{{begin, nil}, {settings, []any{tx.tenant.String()}}}}
	tx.q, tx.late = gen.New(tx.conn), gen.New(later{tx.conn})
	if err := body(); err != nil {
		return err
	}
	committed = true
	return nil
}

// Plans are made once a connection and not for every call: all statements here are to be answered from an index, whatever their values, and
// planning them costs more than executing them. A plan outlives what the tables held when it was made: a queue of one row is best read from end to
// end, and that plan would then read each of ten thousand rows ten thousand times, until the table is analyzed again. Nothing here is worth compiling, whatever a plan is said to cost.
const settings = `SELECT set_config('app.tenant_id', $1, true), set_config('statement_timeout', '10s', true),
  set_config('lock_timeout', '5s', true), set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
  set_config('jit', 'off', true)`

func rollback(conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	if _, err := conn.Exec(ctx, "rollback"); err != nil {
		_ = conn.Conn().Close(ctx) // the pool discards a closed connection
	}
}

// commit numbers and writes the recorded events as the last act of the transaction and commits in the same round trip, behind the reads that were
// kept for it: while the numbers are held everybody of the tenant waits. It returns the number of the newest event, or 0 when there is none.
func (tx *Tx) commit(ctx context.Context) (seq int64, err error) {
	batch := &tx.atEnd
	if len(tx.events) > 0 {
		queueEvents(batch, tx.tenant, tx.events, &seq)
	}
	batch.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		// COMMIT of a transaction that failed before answers ROLLBACK and no error.
		if tag.String() != "COMMIT" {
			return errRolledBack
		}
		return nil
	})
	return seq, tx.conn.SendBatch(ctx, batch).Close()
}

func pause(ctx context.Context, run int) error {
	wait := time.Duration(1<<run) * time.Millisecond
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
