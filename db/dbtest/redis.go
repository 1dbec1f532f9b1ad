package dbtest

import (
	"context"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const redisDatabases = 4096

// Redis returns the URL of an empty logical database on the process's private Redis. It is emptied when t ends. Logical
// databases do not separate publish/subscribe, nor FLUSHALL: a test that uses these asks for OwnRedis.
func Redis(t testing.TB) string {
	t.Helper()
	s := &shared
	s.redisOnce.Do(func() { s.redis, s.redisErr = startSharedRedis() })
	if s.redisErr != nil {
		t.Fatalf("dbtest: %v", s.redisErr)
	}
	n := s.numbers.Add(1)
	if n >= redisDatabases {
		t.Fatalf("dbtest: more than %d tests of one process asked for Redis", redisDatabases)
	}
	url := s.redis.DatabaseURL(int(n))
	t.Cleanup(func() { flush(t, url) })
	return url
}

func startSharedRedis() (*embedded.Redis, error) {
	dir, err := temporary()
	if err != nil {
		return nil, err
	}
	shared.redisDir = dir
	return embedded.StartRedis(context.Background(), embedded.Options{
		Dir:      dir.path,
		Settings: map[string]string{"databases": strconv.Itoa(redisDatabases)},
	})
}

func flush(t testing.TB, url string) {
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Errorf("dbtest: %v", err)
		return
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	if err := client.FlushDB(context.Background()).Err(); err != nil {
		t.Errorf("dbtest: empty the test's Redis database: %v", err)
	}
}

// OwnRedis starts a Redis that only t uses, so that t may wipe, stall, kill and restart it. It is stopped when t ends.
func OwnRedis(t testing.TB) *embedded.Redis {
	t.Helper()
	r, err := embedded.StartRedis(context.Background(), embedded.Options{Dir: ownDir(t), Log: logger(t)})
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return r
}
