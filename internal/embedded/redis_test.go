package embedded_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

func TestRedisKeepsDataOverStopAndCrash(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := options(t)
	r := startRedis(t, o)
	if err := dial(t, r.URL()).Set(ctx, "k", "stopped", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	r = startRedis(t, o)
	c := dial(t, r.URL())
	if got := c.Get(ctx, "k").Val(); got != "stopped" {
		t.Errorf("after a stop k = %q", got)
	}
	if err := c.Set(ctx, "k", "crashed", 0).Err(); err != nil {
		t.Fatal(err)
	}
	url := r.URL()
	crashRedis(t, r)
	if err := r.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if r.URL() != url {
		t.Errorf("the address changed from %s to %s", url, r.URL())
	}
	if got := c.Get(ctx, "k").Val(); got != "crashed" {
		t.Errorf("after a crash k = %q", got)
	}
	crashRedis(t, r)
	if err := r.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(ctx, "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after a wipe k is still there: %v", err)
	}
}

func TestRedisIsConfiguredForAsynqAndClosedToOthers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := startRedis(t, options(t))
	policy, err := dial(t, r.URL()).ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil || policy["maxmemory-policy"] != "noeviction" {
		t.Errorf("maxmemory-policy = %v, %v", policy, err)
	}
	opt, err := asynq.ParseRedisURI(r.DatabaseURL(3))
	if err != nil {
		t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	defer func() { _ = client.Close() }()
	if _, err := client.Enqueue(asynq.NewTask("probe", nil)); err != nil {
		t.Errorf("asynq cannot use the address: %v", err)
	}
	if n := dial(t, r.DatabaseURL(3)).DBSize(ctx).Val(); n == 0 {
		t.Error("asynq wrote to another logical database")
	}
	stranger, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	stranger.Username, stranger.Password = "", ""
	c := redis.NewClient(stranger)
	defer func() { _ = c.Close() }()
	if err := c.Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without the password: %v, want NOAUTH", err)
	}
}

func TestWipeRefusesARunningServer(t *testing.T) {
	t.Parallel()
	r := startRedis(t, options(t))
	if err := r.Wipe(); err == nil {
		t.Error("a running server was wiped")
	}
}

func TestRedisNamesTheSettingItDoesNotKnow(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Settings = map[string]string{"no-such-setting": "1"}
	_, err := embedded.StartRedis(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("error %v does not say what is wrong", err)
	}
}

func TestMissingRedisIsExplained(t *testing.T) {
	t.Setenv("SWITCHBOARD_REDIS_SERVER", os.TempDir())
	_, err := embedded.StartRedis(t.Context(), options(t))
	if err == nil || !strings.Contains(err.Error(), "SWITCHBOARD_REDIS_SERVER") {
		t.Errorf("error %v does not name the variable", err)
	}
}

func crashRedis(t *testing.T, r *embedded.Redis) {
	t.Helper()
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.Done():
	default:
		t.Error("Kill returned before the process was gone")
	}
}
