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

// firstEmpty is the first tenant that begins without conversations.
const firstEmpty = 12

// post returns a side that brings webhooks of 200 people of each tenant.
func (b *bench) post(to *process, path string, tenants, connections int) side {
	h := &hooks{}
	return func(ctx context.Context) (sample, error) {
		return flood(ctx, to, connections, 1500*time.Millisecond, func(c *caller, worker, n int) error {
			i := worker + n*connections
			body, header := h.hook(ref(firstEmpty+i%tenants, 0), fmt.Sprintf("4916%08d", i/tenants%200), "Where is my parcel? It was to come today.")
			_, err := c.call(http.MethodPost, path, header, body)
			return err
		})
	}
}

func measureIngest(tenants int, atLeast float64) func(context.Context, *bench, measure) error {
	return func(ctx context.Context, b *bench, m measure) error {
		ours, beside := b.post(b.serve, "/webhooks/meta", tenants, 64), b.post(b.standins, "/ingest", tenants, 64)
		for _, warm := range []side{ours, beside} {
			if _, err := warm(ctx); err != nil {
				return err
			}
		}
		what := fmt.Sprintf("signed webhooks, 64 connections, %d tenants", tenants)
		if err := b.faster(ctx, m, what, "/s", "minimal shared transaction", atLeast, ours, beside); err != nil {
			return err
		}
		if tenants > 1 {
			b.quoted(m, "the same", b.rows[len(b.rows)-1].Ours, "/s", libredeskIngest, "Libredesk inbound", 10)
		}
		return nil
	}
}
