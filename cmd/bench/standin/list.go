package standin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// list answers the agent app's list of conversations with pgx and encoding/json: the statements that the product makes for it, in one
// snapshot, and nothing between them and the answer.
type list struct{ pool *pgxpool.Pool }

type person struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

type item struct {
	ID            uuid.UUID `json:"id"`
	Status        string    `json:"status"`
	Version       int64     `json:"version"`
	LastSeq       int64     `json:"lastSeq"`
	LastMessageAt time.Time `json:"lastMessageAt"`
	Preview       string    `json:"preview"`
	Unread        int64     `json:"unreadCount"`
	Contact       *person   `json:"contact"`
	Account       *person   `json:"channelAccount"`
	Assignee      *person   `json:"assignee"`

	contact, account uuid.UUID
	assignee         *uuid.UUID
}

const (
	listHead = `SELECT seq FROM tenant_heads WHERE tenant_id = $1`
	listPage = `SELECT c.id, c.status, c.version, c.last_seq, c.last_message_at, c.preview, c.contact_id, c.channel_account_id, c.assignee_id,
		greatest(c.inbound_count - coalesce(r.inbound_no, 0), 0) FROM (
		SELECT x.id, x.last_message_at FROM unnest('{OPEN,SNOOZED,RESOLVED}'::text[]) AS lane (status) CROSS JOIN LATERAL (
			SELECT c.id, c.last_message_at FROM conversations c WHERE c.tenant_id = $1 AND c.status = lane.status
			ORDER BY c.last_message_at DESC, c.id DESC LIMIT 51) x
		ORDER BY x.last_message_at DESC, x.id DESC LIMIT 51) page
		JOIN conversations c ON c.tenant_id = $1 AND c.id = page.id
		LEFT JOIN read_cursors r ON r.tenant_id = $1 AND r.agent_id = $2 AND r.conversation_id = c.id
		ORDER BY c.last_message_at DESC, c.id DESC`
	listContacts = `SELECT id, name FROM contacts WHERE tenant_id = $1 AND id = ANY ($2)`
	listAccounts = `SELECT id, name FROM channel_accounts WHERE tenant_id = $1 AND id = ANY ($2)`
	listAgents   = `SELECT id, name FROM agents WHERE tenant_id = $1 AND id = ANY ($2)`
)

func (l *list) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	tenant, agent := uuid.MustParse(q.Get("tenant")), uuid.MustParse(q.Get("agent"))
	var answer struct {
		Cursor int64   `json:"cursor"`
		Items  []*item `json:"items"`
	}
	err := pgx.BeginTxFunc(r.Context(), l.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if err = tx.QueryRow(r.Context(), listHead, tenant).Scan(&answer.Cursor); err != nil {
			return err
		}
		answer.Items, err = readPage(r.Context(), tx, tenant, agent)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func readPage(ctx context.Context, tx pgx.Tx, tenant, agent uuid.UUID) ([]*item, error) {
	rows, err := tx.Query(ctx, listPage, tenant, agent)
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*item, error) {
		i := &item{}
		return i, row.Scan(&i.ID, &i.Status, &i.Version, &i.LastSeq, &i.LastMessageAt, &i.Preview, &i.contact, &i.account, &i.assignee, &i.Unread)
	})
	if err != nil {
		return nil, err
	}
	items = items[:min(50, len(items))]
	contacts, accounts, agents := make([]uuid.UUID, 0, 50), make([]uuid.UUID, 0, 50), make([]uuid.UUID, 0, 50)
	for _, i := range items {
		contacts, accounts = append(contacts, i.contact), append(accounts, i.account)
		if i.assignee != nil {
			agents = append(agents, *i.assignee)
		}
	}
	names := map[uuid.UUID]*person{}
	for statement, ids := range map[string][]uuid.UUID{listContacts: contacts, listAccounts: accounts, listAgents: agents} {
		rows, err := tx.Query(ctx, statement, tenant, ids)
		if err != nil {
			return nil, err
		}
		var p person
		if _, err := pgx.ForEachRow(rows, []any{&p.ID, &p.Name}, func() error { kept := p; names[p.ID] = &kept; return nil }); err != nil {
			return nil, err
		}
	}
	for _, i := range items {
		i.Contact, i.Account = names[i.contact], names[i.account]
		if i.assignee != nil {
			i.Assignee = names[*i.assignee]
		}
	}
	return items, nil
}
