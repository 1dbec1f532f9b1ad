package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// profile writes CPU profiles of the next two seconds of the product, where they are asked for.
func (b *bench) profile(ctx context.Context, name string) {
	if b.options.profile == "" {
		return
	}
	for part, c := range map[string]*process{"serve": b.serve, "work": b.work} {
		if c == nil {
			continue
		}
		go func() {
			err := download(ctx, c.admin+"/debug/pprof/profile?seconds=2", filepath.Join(b.options.profile, name+"."+part+".pprof"))
			if err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
			}
		}()
	}
}

func download(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	return errors.Join(err, file.Close())
}

// printTop prints what the database was busy with for the product: calls, milliseconds of planning and of execution, and the statement.
func (b *bench) printTop(ctx context.Context, w io.Writer) error {
	rows, err := b.pool.Query(ctx, `SELECT calls, total_plan_time, total_exec_time, left(regexp_replace(query, '\s+', ' ', 'g'), 150)
		FROM bench.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'switchboard_app'
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		ORDER BY total_plan_time + total_exec_time DESC LIMIT $1`, b.options.top)
	if err != nil {
		return err
	}
	var calls int64
	var plan, exec float64
	var text string
	_, err = pgx.ForEachRow(rows, []any{&calls, &plan, &exec, &text}, func() error {
		_, err := fmt.Fprintf(w, "%8d calls  plan %8.0f ms  execute %8.0f ms  %s\n", calls, plan, exec, text)
		return err
	})
	return err
}
