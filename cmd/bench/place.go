package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const (
	appSecret = "bench-app-secret"
)

// key is every key of the measured installation: nothing in it is secret.
func key() string { return "bench:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) }

// place is everything that runs.
type place struct {
	dir      string
	postgres *embedded.Postgres
	redis    *embedded.Redis
	pool     *pgxpool.Pool // as the owner
	tokens   *auth.Tokens
	provider *provider
	standins *process
	serve    *process
	work     *process // nil until a measure needs it
	binary   string
}

func openPlace(ctx context.Context, o options) (_ *place, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	p := &place{dir: filepath.Join(cache, "switchboard-bench"), binary: o.binary}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.tokens, err = auth.NewTokens(key(), "switchboard", time.Hour, time.Now); err != nil {
		return nil, err
	}
	if err = p.startServers(ctx); err != nil {
		return nil, err
	}
	if p.provider, err = startProvider(); err != nil {
		return nil, err
	}
	if p.standins, err = p.startStandins(ctx); err != nil {
		return nil, err
	}
	p.serve, err = p.start(ctx, "serve")
	return p, err
}

// startServers starts Postgres and Redis, and copies the loaded database, which is loaded once for every schema.
func (p *place) startServers(ctx context.Context) (err error) {
	settings := map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top", "pg_stat_statements.track_planning": "on",
		"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min", "track_wal_io_timing": "on"} // checkpoints come between measures, not by the clock
	options := embedded.Options{Dir: p.dir, Fsync: true, Settings: settings}
	if p.postgres, err = embedded.StartPostgres(ctx, options); err != nil {
		return err
	}
	options.Settings = nil
	if p.redis, err = embedded.StartRedis(ctx, options); err != nil {
		return err
	}
	if err = p.copyOf(ctx, mainData()); err != nil {
		return err
	}
	pc, err := pgxpool.ParseConfig(p.postgres.URL(mainData().name))
	if err != nil {
		return err
	}
	pc.MaxConns = 16
	p.pool, err = pgxpool.NewWithConfig(ctx, pc)
	return err
}

// close ends everything, the servers last.
func (p *place) close() {
	for _, child := range []*process{p.work, p.serve, p.standins} {
		child.stop()
	}
	if p.provider != nil {
		_ = p.provider.server.Close()
	}
	if p.pool != nil {
		p.pool.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if p.redis != nil {
		_ = p.redis.Stop(ctx)
	}
	if p.postgres != nil {
		_ = p.postgres.Stop(ctx)
	}
}

func (p *place) environment(more ...string) []string {
	return append(os.Environ(), append([]string{
		"DATABASE_URL=" + p.postgres.UserURL("switchboard_app", mainData().name), "REDIS_URL=" + p.redis.URL(), "SWITCHBOARD_KEKS=" + key(),
		"SWITCHBOARD_JWT_KEYS=" + key(), "SWITCHBOARD_FILE_KEYS=" + key(), "SWITCHBOARD_META_APP_SECRET=" + appSecret,
		"SWITCHBOARD_META_VERIFY_TOKEN=bench", "SWITCHBOARD_BLOB_URL=mem://", "LOG_LEVEL=WARN", "SWITCHBOARD_BIND_HOST=127.0.0.1",
		"META_GRAPH_BASE_URL=" + p.provider.url, "SWITCHBOARD_ACCESS_TOKEN_LIFE=60m",
	}, more...)...)
}

// working starts the workers, when none run.
func (p *place) working(ctx context.Context) (err error) {
	if p.work == nil {
		p.work, err = p.start(ctx, "work")
	}
	return err
}
