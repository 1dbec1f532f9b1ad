package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Fixed figures of PERFORMANCE.md, measured on this kind of machine with products that cannot run here.
const (
	libredeskIngest = 357.0
	libredeskReply  = 326.0
	libredeskList   = 3.4
	libredeskKnee   = 200.0
)

// floodLength is how long a side takes webhooks.
const floodLength = 1500 * time.Millisecond

// post returns a side that brings webhooks of 200 people of each of the tenants.
func post(to *process, path string, first, tenants, connections int) side {
	h := &hooks{}
	return func(ctx context.Context) (sample, error) {
		return flood(ctx, to, connections, floodLength, func(c *caller, worker, n int) error {
			i := worker + n*connections
			body, header := h.hook(ref(first+i%tenants, 0), fmt.Sprintf("4916%08d", i/tenants%200), "Where is my parcel? It was to come today.")
			_, err := c.call(http.MethodPost, path, header, body)
			return err
		})
	}
}

func measureIngest(tenants int, atLeast float64) func(context.Context, *bench, measure) error {
	return func(ctx context.Context, b *bench, m measure) error {
		ours, beside := post(b.serve, "/webhooks/meta", firstEmpty, tenants, 64), post(b.standins, "/ingest", firstEmpty, tenants, 64)
		if err := warm(ctx, ours, beside); err != nil {
			return err
		}
		what := fmt.Sprintf("signed webhooks, 64 connections, %d tenants", tenants)
		if err := b.faster(ctx, m, what, "/s", "minimal shared transaction", atLeast, ours, beside); err != nil {
			return err
		}
		b.quoted(m, "the same", b.rows[len(b.rows)-1].Ours, "/s", libredeskIngest, "Libredesk inbound", 10)
		return nil
	}
}
