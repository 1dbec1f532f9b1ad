package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// redisCheck asks Redis how it is.
type redisCheck struct{ client redis.UniversalClient }

func newRedisCheck(url string) (*redisCheck, error) {
	client, err := jobs.Connect(url, time.Second, 1)
	if err != nil {
		return nil, err
	}
	return &redisCheck{client: client}, nil
}

// evicts is the error of a Redis that throws keys away.
type evicts struct{ policy string }

// Error returns the policy at fault and the remedy.
func (e *evicts) Error() string {
	return fmt.Sprintf("REDIS_URL names a Redis with maxmemory-policy %s: set it to noeviction", e.policy)
}

func (r *redisCheck) ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

func (r *redisCheck) close() error { return r.client.Close() }

// policy refuses a Redis that throws keys away when it is full: it would throw away rings and schedules without telling. One that cannot
// be asked (it is down, or its provider forbids the question) is only a warning, since everything in it can be rebuilt.
func (r *redisCheck) policy(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ask := func(ctx context.Context, client *redis.Client) error {
		answer, err := client.ConfigGet(ctx, "maxmemory-policy").Result()
		if err != nil {
			return err
		}
		if policy := answer["maxmemory-policy"]; !strings.EqualFold(policy, "noeviction") {
			return &evicts{policy}
		}
		return nil
	}
	var err error
	switch client := r.client.(type) {
	case *redis.ClusterClient:
		err = client.ForEachShard(ctx, ask)
	case *redis.Client:
		err = ask(ctx, client)
	}
	var wrong *evicts
	if errors.As(err, &wrong) {
		return wrong
	}
	if err != nil {
		log.Warn("Redis cannot be asked for its maxmemory-policy; it must be noeviction")
	}
	return nil
}

// redisLog passes on that the client library has something to say, without its words, which quote addresses.
type redisLog struct{ log *slog.Logger }

// Printf logs which message it is.
func (l redisLog) Printf(ctx context.Context, format string, _ ...any) {
	l.log.DebugContext(ctx, "the Redis client says", "message", format)
}
