package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// wire carries messages from the process that stored them to the one that holds the sockets, which here are the same: NOTIFY after the commit,
// one in flight, and what is stored meanwhile goes with the next. Who was not connected has missed it: there is no cursor and no resume.
type wire struct {
	pool *pgxpool.Pool
	live *broadcast

	mu      sync.Mutex
	pending []string
	ring    chan struct{}
}

// news is the frame that sockets get: the row of a list.
type news struct {
	Ref    string    `json:"ref"`
	Key    string    `json:"key"`
	Phone  string    `json:"phone"`
	Text   string    `json:"text"`
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

const wireChannel = "standin"

func newWire(pool *pgxpool.Pool, live *broadcast) *wire {
	return &wire{pool: pool, live: live, ring: make(chan struct{}, 1)}
}

func (w *wire) tell(n news) {
	payload, err := json.Marshal(n)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.pending = append(w.pending, string(payload))
	w.mu.Unlock()
	select {
	case w.ring <- struct{}{}:
	default:
	}
}

// send notifies until ctx ends.
func (w *wire) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ring:
		}
		w.mu.Lock()
		payloads := w.pending
		w.pending = nil
		w.mu.Unlock()
		if _, err := w.pool.Exec(ctx, `SELECT pg_notify('`+wireChannel+`', p) FROM unnest($1::text[]) p`, payloads); err != nil {
			fmt.Fprintln(os.Stderr, "stand-in: notify:", err) // a frame that does not come makes the measure fail
		}
	}
}

// listen hands what is notified to the sockets until ctx ends.
func (w *wire) listen(ctx context.Context) {
	conn, err := pgx.ConnectConfig(ctx, w.pool.Config().ConnConfig)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `LISTEN `+wireChannel); err != nil {
		return
	}
	for {
		heard, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		var n news
		if json.Unmarshal([]byte(heard.Payload), &n) == nil {
			w.live.publish(n.Ref, []byte(heard.Payload))
		}
	}
}
