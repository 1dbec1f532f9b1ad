package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/blob"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
	"github.com/switchboard-inbox/switchboard/internal/live"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
	"github.com/switchboard-inbox/switchboard/internal/secret"
	"github.com/switchboard-inbox/switchboard/internal/telemetry"
)

// platform is what API and worker processes have in common: connections, keys, and the use cases on them.
type platform struct {
	env       environment
	log       *slog.Logger
	clock     func() time.Time
	metrics   *telemetry.Metrics
	health    *httpd.Health
	ring      *secret.Keyring
	providers *channel.Registry

	db       *db.DB
	notifier *db.Notifier
	hub      *live.Hub
	blobs    *blob.Bucket
	redis    *redisCheck
	bells    *jobs.Client
	limiter  *jobs.Limiter
	admin    net.Listener

	inbox    *inbox.Inbox
	vault    *inbox.Vault
	outbound *outbound.Outbound
}

// openPlatform connects and builds; the caller closes the platform. When it fails it leaves nothing open.
func openPlatform(ctx context.Context, e environment, log *slog.Logger, clock func() time.Time) (_ *platform, err error) {
	tuneMemory()
	p := &platform{env: e, log: log, clock: clock, metrics: telemetry.NewMetrics(version())}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	for _, open := range []func(context.Context) error{p.openKeys, p.openDatabase, p.openRedis, p.openFiles, p.openAdmin} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	p.vault = inbox.NewVault(p.db, p.ring, clock)
	p.inbox = inbox.New(p.db, clock).WithSnoozeTimer(p.bells)
	p.outbound = outbound.New(p.db.Outbound(), outbound.Config{
		Providers: p.providers, Secrets: p.ring, Bells: p.bells, Limiter: p.limiter, Metrics: p.metrics,
		AlertClient: channel.NewClient(channel.ClientConfig{}), Clock: clock, Log: log,
		KeepEvents: e.KeepEvents, KeepJournal: e.KeepJournal,
	})
	p.health = &httpd.Health{
		Required: map[string]func(context.Context) error{"postgres": p.db.Ready, "schema": p.checkSchema},
		Reported: map[string]func(context.Context) error{"redis": p.redis.ping},
	}
	p.watch()
	return p, nil
}

func (p *platform) openKeys(context.Context) (err error) {
	if p.ring, err = secret.ParseKeyring(p.env.KEKs.Reveal()); err != nil {
		return err
	}
	p.providers, err = providers(p.env)
	return err
}

// openDatabase opens the pool, and the two that learn of its commits: this process's hub and the other processes.
func (p *platform) openDatabase(ctx context.Context) (err error) {
	p.db, err = db.Open(ctx, db.Config{
		URL: p.env.DatabaseURL.Reveal(), Log: p.log, Violated: p.metrics.TenantViolated,
		Committed: func(tenant inbox.TenantID, seq int64) {
			p.hub.Wake(tenant, seq)
			p.notifier.Committed(tenant, seq)
		},
	})
	if err != nil {
		return err
	}
	if err := p.db.CheckSchema(ctx); err != nil {
		return err
	}
	p.notifier = p.db.Notifier()
	p.hub = live.New(live.Config{Source: p.db.Stream(), Log: p.log})
	return nil
}

// checkSchema is a check of readiness. Its words stay in the log.
func (p *platform) checkSchema(ctx context.Context) error {
	err := p.db.CheckSchema(ctx)
	if err != nil {
		p.log.WarnContext(ctx, "not ready", "error", err)
	}
	return err
}

func (p *platform) openRedis(ctx context.Context) (err error) {
	redis.SetLogger(redisLog{p.log}) // its own goes to the standard error, in no format of ours
	config := jobs.Config{RedisURL: p.env.RedisURL.Reveal(), Log: p.log, Metrics: p.metrics, LocalShare: p.env.Workers}
	if p.redis, err = newRedisCheck(config.RedisURL); err != nil {
		return err
	}
	if err = p.redis.policy(ctx, p.log); err != nil {
		return err
	}
	if p.bells, err = jobs.NewClient(config); err != nil {
		return err
	}
	p.limiter, err = jobs.NewLimiter(config)
	return err
}

func (p *platform) openFiles(ctx context.Context) (err error) {
	p.blobs, err = blob.Open(ctx, p.env.BlobURL)
	return err
}

func (p *platform) openAdmin(ctx context.Context) (err error) {
	p.admin, err = listen(ctx, "ADMIN_ADDR", p.env.AdminAddr)
	return err
}

// watch adds numbers that are read when somebody asks.
func (p *platform) watch() {
	p.metrics.Gauge("switchboard_db_connections_borrowed", "Connections to Postgres in use.", func() float64 {
		borrowed, _, _ := p.db.PoolStats()
		return float64(borrowed)
	})
	p.metrics.Gauge("switchboard_db_connections_open", "Connections to Postgres.", func() float64 {
		_, open, _ := p.db.PoolStats()
		return float64(open)
	})
	p.metrics.Gauge("switchboard_db_connections_waited", "How often somebody had to wait for a connection since the start.", func() float64 {
		_, _, waited := p.db.PoolStats()
		return float64(waited)
	})
}

// close gives back everything that is open, the database last.
func (p *platform) close() {
	var problems error
	if p.admin != nil {
		_ = p.admin.Close() // its server has closed it already when it ran
	}
	if p.limiter != nil {
		problems = errors.Join(problems, p.limiter.Close())
	}
	if p.redis != nil {
		problems = errors.Join(problems, p.redis.close())
	}
	if p.blobs != nil {
		problems = errors.Join(problems, p.blobs.Close())
	}
	if problems != nil {
		p.log.Warn("closing", "error", problems)
	}
	if p.db != nil {
		p.db.Close()
	}
}

// ground is the layer that everything else stands on: it ends last.
func (p *platform) ground() layer {
	handler := httpd.NewAdminHandler(p.health, p.metrics.Handler())
	return layer{
		{"admin", func(ctx context.Context) error {
			return httpd.Serve(ctx, p.admin, handler, p.log, func(context.Context) {})
		}},
		{"notifier", p.notifier.Run},
		{"bells", p.bells.Run},
	}
}

// stopping is called when the process begins to end.
func (p *platform) stopping() {
	p.log.Info("stopping")
	p.health.Stop()
}
