package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisCheck asks Redis how it is.
type redisCheck struct{ client *redis.Client }

func newRedisCheck(url string) (*redisCheck, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL cannot be read: set it to redis://:password@host:6379/0")
	}
	options.DialTimeout, options.ReadTimeout, options.PoolSize = time.Second, time.Second, 1
	return &redisCheck{client: redis.NewClient(options)}, nil
}

func (r *redisCheck) ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

func (r *redisCheck) close() error { return r.client.Close() }

// policy refuses a Redis that throws keys away when it is full: it would throw away rings and schedules without telling. One that cannot
// be asked (it is down, or its provider forbids the question) is only a warning, since everything in it can be rebuilt.
func (r *redisCheck) policy(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	answer, err := r.client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		log.Warn("Redis cannot be asked for its maxmemory-policy; it must be noeviction")
		return nil
	}
	if policy := answer["maxmemory-policy"]; !strings.EqualFold(policy, "noeviction") {
		return fmt.Errorf("REDIS_URL names a Redis with maxmemory-policy %s: set it to noeviction", policy)
	}
	return nil
}
