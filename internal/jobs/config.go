package jobs

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config says how to reach Redis and how much to do at once.
type Config struct {
	RedisURL    string // redis://, rediss:// or unix://
	Log         *slog.Logger
	Metrics     Metrics       // may be nil
	Concurrency int           // tasks at once in this process; 0: 64. A task is mostly waiting.
	SweepEvery  time.Duration // 0: 10 s; at most 15 s
	// LocalShare is by how much a process that cannot reach Redis divides an account's rate; 0: 2. It is the number of worker processes.
	LocalShare int
}

// Metrics counts what happens to rings. package telemetry implements it.
type Metrics interface {
	// RingLost counts rings that did not reach Redis, by task; the sweep makes up for them.
	RingLost(task string)
}

type uncounted struct{}

func (uncounted) RingLost(string) {}

const (
	defaultConcurrency = 64
	defaultSweep       = 10 * time.Second
	maxSweep           = 15 * time.Second
	defaultShare       = 2
)

func (c Config) complete() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = uncounted{}
	}
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = defaultSweep
	}
	c.SweepEvery = min(c.SweepEvery, maxSweep)
	if c.LocalShare == 0 {
		c.LocalShare = defaultShare
	}
	return c
}

// connect opens a client. patience bounds every command; the error of a URL that cannot be read does not quote it, since it may hold a
// password.
func connect(url string, patience time.Duration, poolSize int) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL cannot be read: %s", strings.ReplaceAll(err.Error(), url, "…"))
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.PoolSize = poolSize
	options.ContextTimeoutEnabled = true
	return redis.NewClient(options), nil
}
