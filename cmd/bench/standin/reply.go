package standin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

// replies is the shortest way from a reply to its call that survives a crash of the worker's machine: a row, its id at the end of a Redis list, and
// a worker that waits there. It neither retries nor notices a reply that was popped and lost.
type replies struct {
	*dispatch
	redis *redis.Client
}

const repliesList = "standin:replies"

// serve commits a reply, queues it and answers.
func (p *replies) serve(w http.ResponseWriter, r *http.Request) {
	var reply struct {
		Text string `json:"text"`
	}
	n := r.URL.Query().Get("n")
	err := json.NewDecoder(r.Body).Decode(&reply)
	if err == nil {
		_, err = p.pool.Exec(r.Context(), `INSERT INTO standin.outbox VALUES ($1::text::int, '+49151', $2, 'QUEUED')
			ON CONFLICT (id) DO UPDATE SET text = excluded.text, status = excluded.status`, n, reply.Text)
	}
	if err == nil {
		err = p.redis.LPush(r.Context(), repliesList, n).Err()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// work waits for replies and sends them until ctx ends.
func (p *replies) work(ctx context.Context) {
	client := &http.Client{Timeout: 10 * time.Second}
	for ctx.Err() == nil {
		popped, err := p.redis.BRPop(ctx, time.Second, repliesList).Result()
		if err != nil { // nothing came within the second
			continue
		}
		_ = p.send(ctx, client, []byte(popped[1])) // a stand-in that loses one makes the measure fail
	}
}
