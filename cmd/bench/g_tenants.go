package main

import (
	"context"
	"time"
)

// growTenants brings the same load for more and more tenants.
func (b *bench) growTenants(ctx context.Context) (*sheet, error) {
	s := &sheet{title: "Tenants", note: "Webhooks at 64 connections, in turn to the tenants; the median of three stretches, and a process of its own a row.",
		head: []string{"tenants", "webhooks/s", "CPU ms a webhook", "of it serve", "of it Postgres", "webhook at one connection, mean ms", "serve, MiB"}}
	for _, tenants := range []int{1, 10, 100, 1000} {
		first := firstEmpty
		if tenants == 1000 {
			first = 1
		}
		fresh, err := b.start(ctx, "serve")
		if err != nil {
			return nil, err
		}
		many, one := post(fresh, "/webhooks/meta", first, tenants, 64), post(fresh, "/webhooks/meta", first, tenants, 1)
		var rates, singles results
		for round := range 4 {
			r, err := many(ctx)
			if err != nil {
				fresh.stop()
				return nil, err
			}
			single, err := one(ctx)
			if err != nil {
				fresh.stop()
				return nil, err
			}
			if round > 0 { // the first warms
				rates, singles = append(rates, r), append(singles, single)
			}
		}
		cost := rates.cpu()
		s.add(count(tenants), number(rates.figure()), number(cost.all()), number(cost.App), number(cost.Postgres), number(1000/singles.figure()), number(fresh.rss()))
		fresh.stop()
		time.Sleep(time.Second)
	}
	return s, nil
}
