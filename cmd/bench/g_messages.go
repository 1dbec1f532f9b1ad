package main

import (
	"context"
	"fmt"
	"net/http"
)

const threadQuery = `query($id: ID!) { conversation(id: $id) { id status messages(last: 50) { edges { node { id seq text status } } } } }`

// growMessages takes the medians of one connection, and the memory of a process that served nothing else.
func (b *bench) growMessages(ctx context.Context) (*sheet, error) {
	s := &sheet{title: "Messages a tenant", note: "Medians of 50 calls at one connection, in ms, to a process of its own.",
		head: []string{"messages", "list of 50", "a conversation's messages", "markRead", "sendMessage", "webhook", "serve, MiB"}}
	b.work.stop()
	b.work = nil
	for _, t := range []struct{ tenant, messages int }{{tinyTenant, 1000}, {smallTenant, 10_000}, {middleTenant, 100_000}, {bigTenant, 1_000_000}} {
		fresh, err := b.start(ctx, "serve")
		if err != nil {
			return nil, err
		}
		cells := []string{count(t.messages)}
		for _, call := range b.tenantCalls(t.tenant) {
			if _, err := latency(fresh, 5, call); err != nil { // plans, pools
				fresh.stop()
				return nil, err
			}
			p50, err := latency(fresh, 50, call)
			if err != nil {
				fresh.stop()
				return nil, err
			}
			cells = append(cells, number(p50))
		}
		s.add(append(cells, number(fresh.rss()))...)
		fresh.stop()
	}
	return s, ctx.Err()
}

func (b *bench) tenantCalls(t int) []func(c *caller, n int) error {
	tokens, h := b.tokensOf(t), &hooks{}
	ask := func(document string, variables func(n int) map[string]any) func(c *caller, n int) error {
		return func(c *caller, n int) error {
			_, err := c.ask(tokens[n%everybody], query(document, variables(n)))
			return err
		}
	}
	mutate := func(a act) func(c *caller, n int) error {
		next := 0
		return ask(a.document, func(int) map[string]any {
			next++
			return map[string]any{"i": a.input(t, openUnassigned(next%20))}
		})
	}
	return []func(c *caller, n int) error{
		ask(listQuery, func(int) map[string]any { return nil }),
		ask(threadQuery, func(n int) map[string]any { return map[string]any{"id": conversationID(t, 1+n%100)} }),
		mutate(acts()[2]), mutate(acts()[0]),
		func(c *caller, n int) error {
			body, header := h.hook(ref(t, 0), fmt.Sprintf("4916%08d", n%50), "Where is my parcel?")
			_, err := c.call(http.MethodPost, "/webhooks/meta", header, body)
			return err
		},
	}
}
