package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// acts writes the rows of a mutation, its event and the tenant's head included, in a transaction of two round trips: the first locks the
// conversation and reads what a rule would be asked with, the second writes and commits. Nobody is asked who he is or what he may do.
type acts struct{ pool *pgxpool.Pool }

type request struct {
	Tenant       uuid.UUID `json:"tenant"`
	Conversation uuid.UUID `json:"conversation"`
	Agent        uuid.UUID `json:"agent"`
	Message      uuid.UUID `json:"message"` // the newest that was read
	Text         string    `json:"text"`
}

const (
	lockConversation = `SELECT last_seq, version FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`
	touchRow         = `UPDATE conversations SET version = version + 1, last_message_at = now(), preview = $3, last_seq = last_seq + 1
		WHERE tenant_id = $1 AND id = $2`
	claimRow   = `UPDATE conversations SET version = version + 1, assignee_id = $3 WHERE tenant_id = $1 AND id = $2`
	messageRow = `INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at,
		author_agent_id) SELECT $1, $3, $2, channel_account_id, last_seq, 'OUTBOUND', 'TEXT', $5, 'RECONCILE_THEN_RETRY', 'QUEUED', now(), $4
		FROM conversations WHERE tenant_id = $1 AND id = $2`
	dispatchRow = `INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
		SELECT $1, $3, channel_account_id, $2, last_seq, 'READY', now() + interval '1 day', now(), now() + interval '1 day'
		FROM conversations WHERE tenant_id = $1 AND id = $2`
	auditRow = `INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id, details)
		VALUES ($1, $2, now(), 'AGENT', $3, 'conversation.claimed', 'conversation', $4, '{"status": "OPEN"}')`
	cursorRow = `INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at) VALUES ($1, $2, $3, 9, 5, now())
		ON CONFLICT (tenant_id, agent_id, conversation_id) DO UPDATE SET seq = excluded.seq, inbound_no = excluded.inbound_no, read_at = excluded.read_at`
	eventRow = `WITH head AS (UPDATE tenant_heads SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq, volume)
		INSERT INTO events (tenant_id, seq, kind, at, actor_kind, conversation_id, channel_account_id, contact_id, message_id, message_seq, direction,
			version, status_before, status_after, message_status_after, volume)
		SELECT $1, head.seq, 'MESSAGE_CREATED', now(), 'SYSTEM', c.id, c.channel_account_id, c.contact_id, $3, 10, 'INBOUND', c.version, c.status,
			c.status, 'RECEIVED', head.volume FROM head, conversations c WHERE c.tenant_id = $1 AND c.id = $2`
)

func (a *acts) serve(w http.ResponseWriter, r *http.Request) {
	var q request
	err := json.NewDecoder(r.Body).Decode(&q)
	if err == nil {
		err = a.run(r.Context(), r.PathValue("name"), q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(q)
}

func (a *acts) run(ctx context.Context, name string, q request) error {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	first := &pgx.Batch{}
	first.Queue("begin")
	first.Queue(lockConversation, q.Tenant, q.Conversation)
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		return err
	}
	rest := &pgx.Batch{}
	if err := q.write(name, rest); err != nil {
		return errors.Join(err, conn.Conn().Close(ctx))
	}
	rest.Queue(eventRow, q.Tenant, q.Conversation, q.Message)
	rest.Queue("commit")
	return conn.SendBatch(ctx, rest).Close()
}

func (q request) write(name string, batch *pgx.Batch) error {
	id := uuid.Must(uuid.NewV7())
	switch name {
	case "sendMessage":
		batch.Queue(touchRow, q.Tenant, q.Conversation, q.Text)
		batch.Queue(messageRow, q.Tenant, q.Conversation, id, q.Agent, q.Text)
		batch.Queue(dispatchRow, q.Tenant, q.Conversation, id)
		batch.Queue(auditRow, q.Tenant, id, q.Agent, q.Conversation)
	case "claimConversation":
		batch.Queue(claimRow, q.Tenant, q.Conversation, q.Agent)
		batch.Queue(auditRow, q.Tenant, id, q.Agent, q.Conversation)
	case "markRead":
		batch.Queue(cursorRow, q.Tenant, q.Agent, q.Conversation)
		batch.Queue(auditRow, q.Tenant, id, q.Agent, q.Conversation)
	default:
		return fmt.Errorf("no act %q", name)
	}
	return nil
}
