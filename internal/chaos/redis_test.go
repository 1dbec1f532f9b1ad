package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// stallOf returns how long Redis stands still in a cycle that stalls it: one of four for longer than a task of Asynq's is leased (30 s) and
// forgiven, the first among them. That makes 13 in 300 cycles, which is ten minutes of the campaign.
func stallOf(n int) time.Duration {
	if full() && n%24 == 2 {
		return 45 * time.Second
	}
	return 4 * time.Second
}

// spoilRedis does in turn what may become of a Redis. What it holds is never needed.
func spoilRedis(w *world, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client, kind := w.redisClient(), ""
	var err error
	switch n % 6 {
	case 0:
		kind = "killed"
		if err = w.redis.Kill(); err == nil {
			w.linger(500*time.Millisecond, 3*time.Second)
			err = w.redis.Restart(ctx)
		}
	case 1:
		kind = "emptied"
		err = client.FlushAll(ctx).Err()
	case 2:
		kind = fmt.Sprintf("stalled for %v", stallOf(n))
		err = client.Do(ctx, "DEBUG", "SLEEP", fmt.Sprint(stallOf(n).Seconds())).Err()
	case 3:
		kind = "out of memory"
		if err = client.ConfigSet(ctx, "maxmemory", "1mb").Err(); err == nil {
			w.linger(2*time.Second, 4*time.Second)
			err = client.ConfigSet(ctx, "maxmemory", "0").Err()
		}
	case 4:
		kind = "put back to an old snapshot"
		err = w.putRedisBack(ctx, n)
	case 5:
		kind = "made the replica of an empty one"
		err = w.replicateNothing(ctx, client, n)
	}
	if err != nil {
		w.t.Fatalf("cycle %d: Redis, %s: %v", n, kind, err)
	}
	w.done[kind]++
	w.back()
	w.linger(300*time.Millisecond, time.Second)
}

// putRedisBack stops Redis, puts the files of some seconds ago in the place of its own, and starts it with them.
func (w *world) putRedisBack(ctx context.Context, n int) error {
	data, old := filepath.Join(w.redis.Dir(), "data"), filepath.Join(w.dir, fmt.Sprintf("old-redis-%d", n))
	if out, err := exec.Command("cp", "-a", data, old).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	w.linger(2*time.Second, 4*time.Second)
	if err := w.redis.Kill(); err != nil {
		return err
	}
	if out, err := exec.Command("sh", "-c", `rm -rf "$1"/* && cp -a "$2"/. "$1"/ && rm -rf "$2"`, "sh", data, old).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return w.redis.Restart(ctx)
}

// replicateNothing is a failover to an empty replica gone wrong: Redis follows an empty one, by which it loses everything and refuses
// writes, and is the master again some seconds later.
func (w *world) replicateNothing(ctx context.Context, client *redis.Client, n int) error {
	empty, err := embedded.StartRedis(ctx, embedded.Options{Dir: filepath.Join(w.dir, fmt.Sprintf("empty-redis-%d", n))})
	if err != nil {
		return err
	}
	defer func() {
		if err := empty.Stop(ctx); err != nil {
			w.t.Log(err)
		}
	}()
	at := w.mustURL(empty.URL())
	secret, _ := at.User.Password()
	if err := client.ConfigSet(ctx, "masterauth", secret).Err(); err != nil {
		return err
	}
	if err := client.Do(ctx, "REPLICAOF", at.Hostname(), at.Port()).Err(); err != nil {
		return err
	}
	w.eventually("Redis follows an empty one", patience, func() bool {
		return strings.Contains(client.Info(ctx, "replication").Val(), "master_link_status:up")
	})
	w.linger(2*time.Second, 4*time.Second)
	return client.Do(ctx, "REPLICAOF", "NO", "ONE").Err()
}
