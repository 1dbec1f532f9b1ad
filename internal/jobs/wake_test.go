package jobs_test

import (
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// A snooze that ends in the same second as the one it replaces has a timer of its own: the older one's wakes nobody.
func TestEverySnoozeHasItsTimer(t *testing.T) {
	t.Parallel()
	url := dbtest.OwnRedis(t).URL()
	w := newWorld(t, url)
	w.start(jobs.Config{RedisURL: url})
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	inspector := asynq.NewInspectorFromRedisClient(client)
	id, at := inboxtest.NewID(), time.Now().Add(time.Hour)
	for _, gen := range []int64{1, 2, 2} {
		w.client.WakeAt(t.Context(), w.tenant.ID, id, gen, at)
	}
	last := inboxtest.NewID()
	w.client.WakeAt(t.Context(), w.tenant.ID, last, 1, at)
	var tasks []*asynq.TaskInfo
	eventually(t, "three timers", func() bool {
		tasks, _ = inspector.ListScheduledTasks("default")
		return len(tasks) == 3
	})
}
