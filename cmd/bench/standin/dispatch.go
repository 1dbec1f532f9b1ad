package standin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// dispatch sends messages as most systems do: one task of a queue a message, and in it a select, a call and an update.
type dispatch struct {
	pool        *pgxpool.Pool
	redisURL    string
	providerURL string
}

// fill makes so many messages that are to be sent.
func (d *dispatch) fill(w http.ResponseWriter, r *http.Request) {
	_, err := d.pool.Exec(r.Context(), `TRUNCATE standin.outbox`)
	if err == nil {
		_, err = d.pool.Exec(r.Context(), `INSERT INTO standin.outbox SELECT n, '+4915' || n, 'hello', 'QUEUED' FROM generate_series(1, $1::text::int) n`,
			r.URL.Query().Get("n"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// enqueue makes a task a message, four at a time.
func enqueue(ctx context.Context, options asynq.RedisConnOpt, n int) error {
	queue := asynq.NewClient(options)
	defer func() { _ = queue.Close() }()
	var group errgroup.Group
	for worker := range 4 {
		group.Go(func() error {
			for i := worker; i < n; i += 4 {
				if _, err := queue.EnqueueContext(ctx, asynq.NewTask("send", []byte(strconv.Itoa(i+1))), asynq.Queue("standin")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// work queues so many messages, works them off, and answers with the seconds that took.
func (d *dispatch) work(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	seconds, err := d.run(r.Context(), n)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprint(w, seconds)
}

func (d *dispatch) run(ctx context.Context, n int) (float64, error) {
	options, err := asynq.ParseRedisURI(d.redisURL)
	if err != nil {
		return 0, err
	}
	var sent atomic.Int64
	done := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}, Timeout: 10 * time.Second}
	server := asynq.NewServer(options, asynq.Config{Concurrency: 50, Queues: map[string]int{"standin": 1}, LogLevel: asynq.FatalLevel,
		TaskCheckInterval: 10 * time.Millisecond})
	begun := time.Now()
	if err := server.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		err := d.send(ctx, client, task.Payload())
		if err == nil && sent.Add(1) == int64(n) {
			close(done)
		}
		return err
	})); err != nil {
		return 0, err
	}
	defer server.Shutdown()
	if err := enqueue(ctx, options, n); err != nil {
		return 0, err
	}
	select {
	case <-done:
		return time.Since(begun).Seconds(), nil
	case <-time.After(time.Minute):
		return 0, fmt.Errorf("only %d of %d were sent", sent.Load(), n)
	}
}

func (d *dispatch) send(ctx context.Context, client *http.Client, payload []byte) error {
	id, err := strconv.Atoi(string(payload))
	if err != nil {
		return err
	}
	var recipient, text string
	if err := d.pool.QueryRow(ctx, `SELECT recipient, text FROM standin.outbox WHERE id = $1`, id).Scan(&recipient, &text); err != nil {
		return err
	}
	body := fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":%q}}`, recipient, text)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.providerURL+"/v23.0/1/messages", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	_, err = d.pool.Exec(ctx, `UPDATE standin.outbox SET status = 'SENT' WHERE id = $1`, id)
	return err
}
