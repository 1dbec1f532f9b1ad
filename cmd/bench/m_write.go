package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// actLength is how long a side writes.
const actLength = 800 * time.Millisecond

// act is one mutation; the stand-in of its name writes the same rows.
type act struct {
	name     string
	document string
	input    func(t, c int) map[string]any
}

func acts() []act {
	return []act{
		{"sendMessage", `mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id seq status } } }`,
			func(t, c int) map[string]any {
				return map[string]any{"conversationId": conversationID(t, c), "text": "Thank you."}
			}},
		{"claimConversation", `mutation($i: ClaimConversationInput!) { claimConversation(input: $i) { conversation { id version assignee { id } } } }`,
			func(t, c int) map[string]any { return map[string]any{"conversationId": conversationID(t, c)} }},
		{"markRead", `mutation($i: MarkReadInput!) { markRead(input: $i) { unreadCount } }`,
			func(t, c int) map[string]any {
				return map[string]any{"conversationId": conversationID(t, c), "upToMessageId": messageID(t, c, 9)}
			}},
	}
}

// target numbers the conversations that are open and assigned to nobody, of one tenant or of a hundred in turn.
func target(spread, n int) (t, c int) {
	if spread == 1 {
		return bigTenant, openUnassigned(n % 20_000)
	}
	return firstOfMany + n%spread, openUnassigned(n / spread % 60)
}

// unclaimSQL makes what was claimed in the round before nobody's again.
const unclaimSQL = `UPDATE conversations SET assignee_id = NULL WHERE tenant_id = ANY ($1) AND assignee_id IS NOT NULL AND status = 'OPEN' AND version > 1`

func (a act) ours(b *bench, spread int) side {
	tokens, tenants := map[int][]string{}, []string{}
	for n := range spread {
		t, _ := target(spread, n)
		tokens[t], tenants = b.tokensOf(t), append(tenants, tenantID(t).String())
	}
	return func(ctx context.Context) (sample, error) {
		if _, err := b.pool.Exec(ctx, unclaimSQL, tenants); err != nil {
			return sample{}, err
		}
		from := atomic.Int64{}
		return flood(ctx, b.serve, 8, actLength, func(caller *caller, worker, n int) error {
			t, c := target(spread, int(from.Add(1)))
			_, err := caller.ask(tokens[t][(worker+8*n)%everybody], query(a.document, map[string]any{"i": a.input(t, c)}))
			return err
		})
	}
}

func (a act) beside(b *bench, spread int) side {
	return func(ctx context.Context) (sample, error) {
		from := atomic.Int64{}
		return flood(ctx, b.standins, 8, actLength, func(caller *caller, _, _ int) error {
			t, c := target(spread, int(from.Add(1)))
			body := fmt.Appendf(nil, `{"tenant":%q,"conversation":%q,"agent":%q,"message":%q,"text":"Thank you."}`, tenantID(t), conversationID(t, c),
				agentID(t, 1), messageID(t, c, 9))
			_, err := caller.call(http.MethodPost, "/act/"+a.name, "", body)
			return err
		})
	}
}

func measureWrites(ctx context.Context, b *bench, m measure) error {
	b.work.stop() // what is sent here is not to be dispatched meanwhile
	b.work = nil
	for _, a := range acts() {
		for _, spread := range []int{1, 100} {
			what := fmt.Sprintf("%s, 8 connections, %d tenants", a.name, spread)
			ours, beside := a.ours(b, spread), a.beside(b, spread)
			for _, warm := range []side{ours, beside} {
				if _, err := warm(ctx); err != nil {
					return err
				}
			}
			if err := b.faster(ctx, m, what, "/s", "minimal transaction", 0.5, ours, beside); err != nil {
				return err
			}
			if a.name == "sendMessage" {
				b.quoted(m, "the same", b.rows[len(b.rows)-1].Ours, "/s", libredeskReply, "Libredesk reply", 8)
			}
		}
	}
	return nil
}
