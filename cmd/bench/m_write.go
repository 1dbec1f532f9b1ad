package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// act is one mutation, and the rows it writes as a minimal transaction: the conversation is locked, the rest goes with the commit.
type act struct {
	name     string
	document string
	input    func(t, c int) map[string]any
	minimal  func(batch *pgx.Batch, t, c int)
}

const (
	lockConversation = `SELECT last_seq, version FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`
	touchRow         = `UPDATE conversations SET version = version + 1, last_message_at = now(), preview = 'x', last_seq = last_seq + $3 WHERE tenant_id = $1 AND id = $2`
	claimRow         = `UPDATE conversations SET version = version + 1, assignee_id = $3 WHERE tenant_id = $1 AND id = $2`
	messageRow       = `INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at,
		author_agent_id) SELECT $1, $3, $2, channel_account_id, last_seq, 'OUTBOUND', 'TEXT', 'Thank you.', 'RECONCILE_THEN_RETRY', 'QUEUED', now(), $4
		FROM conversations WHERE tenant_id = $1 AND id = $2`
	dispatchRow = `INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
		SELECT $1, $3, channel_account_id, $2, last_seq, 'READY', now() + interval '1 day', now(), now() + interval '1 day'
		FROM conversations WHERE tenant_id = $1 AND id = $2`
	auditRow = `INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id, details)
		VALUES ($1, $2, now(), 'AGENT', $3, 'conversation.claimed', 'conversation', $4, '{"status": "OPEN"}')`
	cursorRow = `INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at) VALUES ($1, $2, $3, 9, 5, now())
		ON CONFLICT (tenant_id, agent_id, conversation_id) DO UPDATE SET seq = excluded.seq, inbound_no = excluded.inbound_no, read_at = excluded.read_at`
)

func acts() []act {
	return []act{
		{"sendMessage", `mutation($i: SendMessageInput!) { sendMessage(input: $i) { message { id seq status } } }`,
			func(t, c int) map[string]any {
				return map[string]any{"conversationId": conversationID(t, c), "text": "Thank you."}
			},
			func(batch *pgx.Batch, t, c int) {
				message := uuid.Must(uuid.NewV7())
				batch.Queue(touchRow, tenantID(t), conversationID(t, c), 1)
				batch.Queue(messageRow, tenantID(t), conversationID(t, c), message, agentID(t, 1))
				batch.Queue(dispatchRow, tenantID(t), conversationID(t, c), message)
				batch.Queue(auditRow, tenantID(t), message, agentID(t, 1), conversationID(t, c))
			}},
		{"claimConversation", `mutation($i: ClaimConversationInput!) { claimConversation(input: $i) { conversation { id version assignee { id } } } }`,
			func(t, c int) map[string]any { return map[string]any{"conversationId": conversationID(t, c)} },
			func(batch *pgx.Batch, t, c int) {
				batch.Queue(claimRow, tenantID(t), conversationID(t, c), agentID(t, 1))
				batch.Queue(auditRow, tenantID(t), uuid.Must(uuid.NewV7()), agentID(t, 1), conversationID(t, c))
			}},
		{"markRead", `mutation($i: MarkReadInput!) { markRead(input: $i) { unreadCount } }`,
			func(t, c int) map[string]any {
				return map[string]any{"conversationId": conversationID(t, c), "upToMessageId": messageID(t, c, 9)}
			},
			func(batch *pgx.Batch, t, c int) {
				batch.Queue(cursorRow, tenantID(t), agentID(t, 1), conversationID(t, c))
			}},
	}
}

// target numbers the conversations that are open and assigned to nobody, of one tenant or of ten in turn.
func target(spread, n int) (t, c int) {
	if spread == 1 {
		return bigTenant, openUnassigned(n % 20000)
	}
	return 2 + n%10, openUnassigned(n / 10 % 200)
}

// openUnassigned is the nth conversation that load.sql makes OPEN (c % 10 < 5) and leaves unassigned (c is odd).
func openUnassigned(n int) int { return n/2*10 + 1 + n%2*2 }

func (a act) ours(b *bench, spread int, from *atomic.Int64) side {
	tokens := map[int][]string{}
	for t := 1; t <= 11; t++ {
		tokens[t] = b.tokensOf(t)
	}
	return func(ctx context.Context) (sample, error) {
		// What was claimed in the round before becomes nobody's again.
		_, err := b.pool.Exec(ctx, `UPDATE conversations SET assignee_id = NULL WHERE assignee_id IS NOT NULL AND status = 'OPEN' AND version > 1`)
		if err != nil {
			return sample{}, err
		}
		from.Store(0)
		return flood(ctx, b.serve, 8, time.Second, func(caller *caller, worker, n int) error {
			t, c := target(spread, int(from.Add(1)))
			_, err := caller.ask(tokens[t][(worker+8*n)%everybody], query(a.document, map[string]any{"i": a.input(t, c)}))
			return err
		})
	}
}

func (a act) beside(b *bench, spread int, from *atomic.Int64) side {
	return func(ctx context.Context) (sample, error) {
		return flood(ctx, b.standins, 8, time.Second, func(*caller, int, int) error {
			t, c := target(spread, int(from.Add(1)))
			return b.minimal(ctx, a, t, c)
		})
	}
}

func (b *bench) minimal(ctx context.Context, a act, t, c int) error {
	conn, err := b.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	first := &pgx.Batch{}
	first.Queue("begin")
	first.Queue(lockConversation, tenantID(t), conversationID(t, c))
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		return err
	}
	rest := &pgx.Batch{}
	a.minimal(rest, t, c)
	rest.Queue(changeSQL, tenantID(t), conversationID(t, c), messageID(t, c, 9))
	rest.Queue("commit")
	return conn.SendBatch(ctx, rest).Close()
}

func measureWrites(ctx context.Context, b *bench, m measure) error {
	if _, err := b.pool.Exec(ctx, `UPDATE conversations SET last_inbound_at = now() WHERE tenant_id = $1 AND assignee_id IS NULL AND status = 'OPEN'`,
		tenantID(bigTenant)); err != nil {
		return err
	}
	b.work.stop() // what is sent here is not to be dispatched meanwhile
	b.work = nil
	for _, a := range acts() {
		for _, spread := range []int{1, 10} {
			from := &atomic.Int64{}
			what := fmt.Sprintf("%s, 8 connections, %d tenants", a.name, spread)
			if err := b.faster(ctx, m, what, "/s", "minimal transaction", 0.5, a.ours(b, spread, from), a.beside(b, spread, from)); err != nil {
				return err
			}
			if a.name == "sendMessage" {
				b.quoted(m, "the same", b.rows[len(b.rows)-1].Ours, "/s", libredeskReply, "Libredesk reply", 8)
			}
		}
	}
	return nil
}
