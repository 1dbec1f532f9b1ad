package main

import (
	"context"
	"time"
)

// statements returns how many statements the product has sent, those that only begin or end a transaction apart.
func (b *bench) statements(ctx context.Context) (all, control int64, err error) {
	err = b.pool.QueryRow(ctx, `SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query ~* '^(begin|commit|select set_config)'), 0)
		FROM bench.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'switchboard_app'
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&all, &control)
	return all, control, err
}

func measureStatements(ctx context.Context, b *bench, m measure) error {
	var work [2]float64
	for i, sockets := range []int{1, 5000} {
		c, err := b.audience(ctx, b.serve, sockets)
		if err != nil {
			return err
		}
		defer c.leave()
		const times = 20
		all, control, err := b.statements(ctx)
		if err != nil {
			return err
		}
		for range times {
			had := c.frames.Load()
			if err := b.change(ctx); err != nil {
				return err
			}
			if err := c.await(ctx, had+int64(sockets), 10*time.Second); err != nil {
				return err
			}
		}
		allAfter, controlAfter, err := b.statements(ctx)
		if err != nil {
			return err
		}
		work[i] = float64(allAfter-all-(controlAfter-control)) / times
		c.leave()
	}
	b.within(m, "statements a change, 1 subscriber (begin, settings and commit apart)", work[0], "", 4)
	b.within(m, "statements a change, 5,000 subscribers", work[1], "", 4)
	return nil
}
