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

// target numbers the conversations that are open and assigned to nobody, of one tenant or of a hundred in turn, and who acts on each: when all have
// been acted on, it is the turn of others, so that no call of a round finds its work done.
func target(spread, n int) (t, c, agent int) {
	if spread == 1 {
		return bigTenant, openUnassigned(n % 20_000), 1 + (n+n/20_000)%everybody
	}
	of := n / spread
	return firstOfMany + n%spread, openUnassigned(of % 60), 1 + (of+of/60)%everybody
}

const (
	// unclaimSQL makes what was claimed in the round before nobody's again.
	unclaimSQL = `UPDATE conversations SET assignee_id = NULL WHERE tenant_id = ANY ($1) AND assignee_id IS NOT NULL AND status = 'OPEN' AND version > 1`
	// unreadSQL forgets what was read in the round before; the cursors that are loaded stand at the tenth message.
	unreadSQL = `DELETE FROM read_cursors WHERE tenant_id = ANY ($1) AND seq = 9`
	// deedsSQL counts the lines of the audit log: an act that changes something writes one, and an act that does not writes none.
	deedsSQL = `SELECT count(*) FROM audit_log WHERE tenant_id = ANY ($1)`
)

func (a act) ours(b *bench, spread int) side {
	tokens := map[int][]string{}
	for n := range spread {
		t, _, _ := target(spread, n)
		tokens[t] = b.tokensOf(t)
	}
	return a.round(b, b.serve, spread, func(caller *caller, t, c, agent int) error {
		_, err := caller.ask(tokens[t][agent-1], query(a.document, map[string]any{"i": a.input(t, c)}))
		return err
	})
}

func (a act) beside(b *bench, spread int) side {
	return a.round(b, b.standins, spread, func(caller *caller, t, c, agent int) error {
		body := fmt.Appendf(nil, `{"tenant":%q,"conversation":%q,"agent":%q,"message":%q,"text":"Thank you."}`, tenantID(t), conversationID(t, c),
			agentID(t, agent), messageID(t, c, 9))
		_, err := caller.call(http.MethodPost, "/act/"+a.name, "", body)
		return err
	})
}

// round is a side that undoes what the round before has done, acts, and looks whether every call has changed something: a call with nothing to
// change would be cheaper than what it stands beside.
func (a act) round(b *bench, to *process, spread int, once func(caller *caller, t, c, agent int) error) side {
	tenants := make([]string, spread)
	for n := range tenants {
		t, _, _ := target(spread, n)
		tenants[n] = tenantID(t).String()
	}
	return func(ctx context.Context) (sample, error) {
		had, err := b.deeds(ctx, tenants)
		if err != nil {
			return sample{}, err
		}
		for _, undo := range []string{unclaimSQL, unreadSQL} {
			if _, err := b.pool.Exec(ctx, undo, tenants); err != nil {
				return sample{}, err
			}
		}
		calls := atomic.Int64{}
		s, err := flood(ctx, to, 8, actLength, func(caller *caller, _, _ int) error {
			t, c, agent := target(spread, int(calls.Add(1)))
			return once(caller, t, c, agent)
		})
		if err != nil {
			return s, err
		}
		has, err := b.deeds(ctx, tenants)
		if err == nil && has-had != calls.Load() {
			err = fmt.Errorf("%s: %d calls changed something %d times", a.name, calls.Load(), has-had)
		}
		return s, err
	}
}

func (b *bench) deeds(ctx context.Context, tenants []string) (n int64, err error) {
	err = b.pool.QueryRow(ctx, deedsSQL, tenants).Scan(&n)
	return n, err
}

func measureWrites(ctx context.Context, b *bench, m measure) error {
	b.work.stop() // what is sent here is not to be dispatched meanwhile
	b.work = nil
	for _, a := range acts() {
		for _, spread := range []int{1, 100} {
			what := fmt.Sprintf("%s, 8 connections, %d tenants", a.name, spread)
			ours, beside := a.ours(b, spread), a.beside(b, spread)
			if err := warm(ctx, ours, beside); err != nil {
				return err
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
