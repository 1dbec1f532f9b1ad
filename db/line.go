package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
)

// line is the connection of one transaction. What nobody waits for, the beginning of the transaction and writes without an answer, is kept
// and goes out in one message with the next statement that somebody waits for. Statements are executed in the order in which they were
// given; only an error of one that was kept comes later, from the statement it went with.
type line struct {
	conn  gen.DBTX
	kept  []statement
	last  bool // the next message ends the transaction
	ended bool
}

type statement struct {
	sql  string
	args []any
}

// errEnded is a read after the one that was said to be the last: a defect of ours, which must not go unseen, since the connection belongs to no
// tenant any more.
var errEnded = errors.New("a statement after the last one of its transaction")

// plain reports whether a statement can go out by itself, with nothing before or behind it.
func (l *line) plain() bool { return len(l.kept) == 0 && !l.last }

// keep sends the statement with the next one.
func (l *line) keep(s statement) { l.kept = append(l.kept, s) }

// drop forgets what was kept: the part of the transaction that it belongs to is undone.
func (l *line) drop() { l.kept = nil }

// flush sends what was kept.
func (l *line) flush(ctx context.Context) error {
	if len(l.kept) == 0 {
		return nil
	}
	return l.SendBatch(ctx, &pgx.Batch{}).Close()
}

// Exec implements gen.DBTX.
func (l *line) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if l.plain() {
		return l.conn.Exec(ctx, sql, args...)
	}
	batch := &pgx.Batch{}
	batch.Queue(sql, args...)
	results := l.SendBatch(ctx, batch)
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return tag, err
}

// Query implements gen.DBTX.
func (l *line) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if l.plain() {
		return l.conn.Query(ctx, sql, args...)
	}
	batch := &pgx.Batch{}
	batch.Queue(sql, args...)
	results := l.SendBatch(ctx, batch)
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &lineRows{Rows: rows, results: results}, nil
}

// QueryRow implements gen.DBTX.
func (l *line) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if l.plain() {
		return l.conn.QueryRow(ctx, sql, args...)
	}
	batch := &pgx.Batch{}
	batch.Queue(sql, args...)
	results := l.SendBatch(ctx, batch)
	return lineRow{results.QueryRow(), results}
}

// SendBatch implements gen.DBTX. The results that it returns are those of the batch, without what was kept.
func (l *line) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if l.plain() {
		return l.conn.SendBatch(ctx, batch)
	}
	if l.ended {
		return failedResults{err: errEnded}
	}
	kept := l.kept
	l.kept, l.ended = nil, l.last
	whole := &pgx.Batch{}
	for _, s := range kept {
		whole.Queue(s.sql, s.args...)
	}
	whole.QueuedQueries = append(whole.QueuedQueries, batch.QueuedQueries...)
	if l.last {
		whole.Queue("commit")
	}
	results := l.conn.SendBatch(ctx, whole)
	for range kept {
		if _, err := results.Exec(); err != nil {
			_ = results.Close()
			return failedResults{err: err}
		}
	}
	return results
}

// later is a line whose Exec and SendBatch keep what they are given, and succeed.
type later struct{ *line }

// Exec implements gen.DBTX.
func (l later) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	l.keep(statement{sql: sql, args: args})
	return pgconn.CommandTag{}, nil
}

// SendBatch implements gen.DBTX.
func (l later) SendBatch(_ context.Context, batch *pgx.Batch) pgx.BatchResults {
	for _, q := range batch.QueuedQueries {
		l.keep(statement{sql: q.SQL, args: q.Arguments})
	}
	return failedResults{}
}

// lineRows ends the batch that its rows came in.
type lineRows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Next implements pgx.Rows.
func (r *lineRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close implements pgx.Rows.
func (r *lineRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // what is wrong with the rows is in Err
}

// lineRow ends the batch that it came in.
type lineRow struct {
	pgx.Row
	results pgx.BatchResults
}

// Scan implements pgx.Row.
func (r lineRow) Scan(into ...any) error {
	err := r.Row.Scan(into...)
	if closed := r.results.Close(); err == nil {
		err = closed
	}
	return err
}

// failedResults are the results of a batch that was not executed, because of an error or, without one, not yet.
type failedResults struct {
	pgx.BatchResults // no method of it is called
	err              error
}

// Exec implements pgx.BatchResults.
func (f failedResults) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }

// Query implements pgx.BatchResults.
func (f failedResults) Query() (pgx.Rows, error) { return nil, f.err }

// QueryRow implements pgx.BatchResults.
func (f failedResults) QueryRow() pgx.Row { return failedRow{f.err} }

// Close implements pgx.BatchResults.
func (f failedResults) Close() error { return f.err }

type failedRow struct{ err error }

// Scan implements pgx.Row.
func (f failedRow) Scan(...any) error { return f.err }
