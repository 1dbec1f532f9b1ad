package jobs

import (
	"log/slog"
	"time"
)

// Config says how to reach Redis and how much to do at once.
type Config struct {
	RedisURL    string // any that Connect reads
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
