package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

const (
	heartbeatEvery   = 5 * time.Second
	heartbeatTimeout = 3 * time.Second // less where the heartbeat is set shorter
	connectTimeout   = 5 * time.Second
	maxBackoff       = 5 * time.Second
)

// ListenConfig says where a Listener listens and whom it tells.
type ListenConfig struct {
	// URL reaches Postgres directly: through a pooler in transaction mode LISTEN hears nothing.
	URL string
	Log *slog.Logger
	// Heard is called for every notice, in order. It must not block.
	Heard func(tenant inbox.TenantID, seq int64)
	// Resumed is called each time listening has begun, at first and after every break: notices may have been lost. It must not block.
	Resumed func()
	// Heartbeat is how long silence may last before a sign of life is asked for; 0: 5 s.
	Heartbeat time.Duration
}

// Listener hears of new events on a connection of its own, outside the pool and outside any transaction.
type Listener struct{ cfg ListenConfig }

// NewListener returns a Listener. It connects in Run.
func NewListener(cfg ListenConfig) *Listener {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = heartbeatEvery
	}
	return &Listener{cfg: cfg}
}

// Run listens until ctx ends, then returns nil. It returns an error at once when the URL cannot be read or leads through a pooler. A broken connection is opened
// again, after 5 seconds at most.
func (l *Listener) Run(ctx context.Context) error {
	// The URL may be the pool's own, with pool_max_conns and the like, which the server would refuse.
	pooled, err := pgxpool.ParseConfig(l.cfg.URL)
	if err != nil {
		return fmt.Errorf("LISTEN_DATABASE_URL cannot be read: %w", redact(err))
	}
	cfg := pooled.ConnConfig
	cfg.RuntimeParams["application_name"] = "switchboard-listen"
	for failures := 0; ; failures++ {
		begun := time.Now()
		err := l.session(ctx, cfg)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errPooledListen) {
			return err
		}
		if time.Since(begun) > time.Minute {
			failures = 0
		}
		l.cfg.Log.Warn("listening for events broke off; connecting again, and polling meanwhile", "error", redact(err))
		if !backOff(ctx, failures) {
			return nil
		}
	}
}

// session connects, listens, and returns why it broke off.
func (l *Listener) session(ctx context.Context, cfg *pgx.ConnConfig) error {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(opening, cfg)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if pooled, err := throughPooler(opening, conn); err != nil || pooled {
		return cmp.Or(err, errPooledListen)
	}
	if _, err := conn.Exec(opening, "LISTEN "+eventsChannel); err != nil {
		return err
	}
	if l.cfg.Resumed != nil {
		l.cfg.Resumed()
	}
	for {
		if err := l.hear(ctx, conn); err != nil {
			return err
		}
	}
}

// hear waits for one notice. When none comes for a while it asks for a sign of life, because a link that swallows everything looks like
// silence.
func (l *Listener) hear(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, l.cfg.Heartbeat)
	defer cancel()
	notice, err := conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		if tenant, seq, ok := parseNotice(notice.Payload); ok && l.cfg.Heard != nil {
			l.cfg.Heard(tenant, seq)
		}
		return nil
	case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	asking, cancel := context.WithTimeout(ctx, min(heartbeatTimeout, l.cfg.Heartbeat))
	defer cancel()
	_, err = conn.Exec(asking, "SELECT 1")
	return err
}

func backOff(ctx context.Context, failures int) bool {
	wait := min(200*time.Millisecond<<min(failures, 10), maxBackoff)
	timer := time.NewTimer(wait/2 + rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
