// Package standin holds what the benchmark is measured against: for each goal the least code that does a comparable thing, written to be
// fast and without what a product needs besides. They run in a process of their own, as the product does.
//
// Imports: asynq, go-redis, gorilla/websocket, pgx.
package standin

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// Config says where the stand-ins find their servers.
type Config struct {
	DatabaseURL string // as the owner: row security does not bind it
	RedisURL    string
	ProviderURL string // where dispatched messages go
	Secret      string // that webhooks are signed with
}

// Run serves all stand-ins on a free loopback port, prints the address as one line, and returns when ctx ends or something fails.
func Run(ctx context.Context, cfg Config) error {
	pc, err := pgxpool.ParseConfig(cfg.DatabaseURL)
	if err != nil {
		return err
	}
	pc.MaxConns = 16 // as many as the product takes
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return err
	}
	defer pool.Close()
	live := newBroadcast()
	wire := newWire(pool, live)
	go wire.listen(ctx)
	go wire.send(ctx)
	in := newIngest(pool, cfg.Secret, wire)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ingest", in.serve)
	mux.HandleFunc("POST /push", in.serve) // and tells of it
	mux.HandleFunc("GET /socket", live.join)
	mux.HandleFunc("POST /broadcast", live.serve)
	mux.HandleFunc("POST /act/{name}", (&acts{pool}).serve)
	mux.HandleFunc("GET /list", (&list{pool}).serve)
	out := &dispatch{pool: pool, redisURL: cfg.RedisURL, providerURL: cfg.ProviderURL}
	mux.HandleFunc("POST /outbox", out.fill)
	options, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return err
	}
	pops := &replies{out, redis.NewClient(options)}
	defer func() { _ = pops.redis.Close() }()
	go pops.work(ctx)
	mux.HandleFunc("POST /reply", pops.serve)
	mux.HandleFunc("POST /dispatch", out.work)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{Handler: mux} //nolint:gosec // loopback, and only the benchmark calls
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	return server.Serve(listener)
}
