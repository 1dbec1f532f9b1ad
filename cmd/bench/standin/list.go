package standin

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// list answers the agent app's list of conversations with pgx and encoding/json: two statements in one snapshot, which are one round trip, and
// nothing between them and the answer, which holds what the product's holds.
type list struct{ pool *pgxpool.Pool }

type person struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

type node struct {
	ID            uuid.UUID `json:"id"`
	Status        string    `json:"status"`
	Version       int64     `json:"version"`
	LastSeq       int64     `json:"lastSeq"`
	LastMessageAt time.Time `json:"lastMessageAt"`
	Preview       string    `json:"preview"`
	Contact       person    `json:"contact"`
	Account       person    `json:"channelAccount"`
	Assignee      *person   `json:"assignee"`
}

type edge struct {
	Cursor string `json:"cursor"`
	Unread int64  `json:"unreadCount"`
	Node   node   `json:"node"`
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

type page struct {
	Cursor string   `json:"cursor"`
	Info   pageInfo `json:"pageInfo"`
	Edges  []edge   `json:"edges"`
}

const (
	listHead = `SELECT seq FROM tenant_heads WHERE tenant_id = $1`
	listPage = `SELECT c.id, c.status, c.version, c.last_seq, c.last_message_at, c.preview, greatest(c.inbound_count - coalesce(r.inbound_no, 0), 0),
		p.id, p.name, a.id, a.name, c.assignee_id, g.name FROM (
		SELECT x.id, x.last_message_at FROM unnest('{OPEN,SNOOZED,RESOLVED}'::text[]) AS lane (status) CROSS JOIN LATERAL (
			SELECT c.id, c.last_message_at FROM conversations c WHERE c.tenant_id = $1 AND c.status = lane.status
			ORDER BY c.last_message_at DESC, c.id DESC LIMIT 51) x
		ORDER BY x.last_message_at DESC, x.id DESC LIMIT 51) page
		JOIN conversations c ON c.tenant_id = $1 AND c.id = page.id
		JOIN contacts p ON p.tenant_id = $1 AND p.id = c.contact_id
		JOIN channel_accounts a ON a.tenant_id = $1 AND a.id = c.channel_account_id
		LEFT JOIN agents g ON g.tenant_id = $1 AND g.id = c.assignee_id
		LEFT JOIN read_cursors r ON r.tenant_id = $1 AND r.agent_id = $2 AND r.conversation_id = c.id
		ORDER BY c.last_message_at DESC, c.id DESC`
)

func (l *list) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found, err := l.read(r.Context(), uuid.MustParse(q.Get("tenant")), uuid.MustParse(q.Get("agent")))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"conversations": found}})
}

func (l *list) read(ctx context.Context, tenant, agent uuid.UUID) (found page, err error) {
	var seq int64
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level repeatable read read only")
	batch.Queue(listHead, tenant).QueryRow(func(row pgx.Row) error { return row.Scan(&seq) })
	batch.Queue(listPage, tenant, agent).Query(func(rows pgx.Rows) (err error) {
		found.Edges, err = pgx.CollectRows(rows, readEdge)
		return err
	})
	batch.Queue("commit")
	if err = l.pool.SendBatch(ctx, batch).Close(); err != nil {
		return found, err
	}
	found.Cursor = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(make([]byte, 8), seq, 36))
	if found.Info.HasNextPage = len(found.Edges) > 50; found.Info.HasNextPage {
		found.Edges = found.Edges[:50]
	}
	if n := len(found.Edges); n > 0 {
		found.Info.EndCursor = found.Edges[n-1].Cursor
	}
	return found, nil
}

func readEdge(row pgx.CollectableRow) (e edge, err error) {
	var assignee *uuid.UUID
	var name *string
	n := &e.Node
	if err = row.Scan(&n.ID, &n.Status, &n.Version, &n.LastSeq, &n.LastMessageAt, &n.Preview, &e.Unread, &n.Contact.ID, &n.Contact.Name, &n.Account.ID,
		&n.Account.Name, &assignee, &name); err != nil {
		return e, err
	}
	if assignee != nil && name != nil {
		n.Assignee = &person{*assignee, *name}
	}
	place := binary.BigEndian.AppendUint64(make([]byte, 6, 30), uint64(n.LastMessageAt.UnixMicro()))
	e.Cursor = base64.RawURLEncoding.EncodeToString(append(place, n.ID[:]...))
	return e, nil
}
