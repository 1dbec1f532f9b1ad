package jobs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/embedded"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// queueKeys is the hash tag under which Asynq keeps its one queue: all of it lives on one node of a cluster.
const queueKeys = "asynq:{default}"

// Messages go out by rings over sentinels and over a cluster, and still do, each once, after the master that holds the queue has died and
// another has taken over.
func TestFleetOutlivesItsMaster(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *dbtest.Fleet{"sentinel": dbtest.RedisSentinel, "cluster": dbtest.RedisCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fleet := start(t)
			w := newWorld(t, fleet.URL)
			w.start(jobs.Config{RedisURL: fleet.URL})
			admin, err := jobs.Connect(fleet.URL, time.Second, 2)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = admin.Close() })
			processed := func() int64 {
				n, _ := admin.Get(t.Context(), queueKeys+":processed").Int64()
				return n
			}
			w.sendMany(20)
			eventually(t, "the first 20 are sent", func() bool { return w.sent() == 20 })
			eventually(t, "their rings went through Redis", func() bool { return processed() > 0 })
			shareOneBucket(t, fleet.URL)

			if err := masterOf(t, fleet, admin).Kill(); err != nil {
				t.Fatal(err)
			}
			w.sendMany(20) // while nobody is in charge, or hardly
			eventually(t, "another master takes over", func() bool {
				return admin.Set(t.Context(), queueKeys+":probe", 1, time.Minute).Err() == nil
			})
			before, sent := processed(), 40
			eventually(t, "rings go through Redis again", func() bool {
				w.send(w.tenant.Conversation(w.account), "later")
				sent++
				return processed() > before
			})
			eventually(t, "all are sent", func() bool { return w.sent() == int64(sent) })
			if messages, most := w.provider.most(); messages != sent || most != 1 {
				t.Errorf("%d of %d messages were taken, one of them %d times", messages, sent, most)
			}
			shareOneBucket(t, fleet.URL)
		})
	}
}

// shareOneBucket takes from one account's bucket as two processes: together they get its burst.
func shareOneBucket(t *testing.T, url string) {
	t.Helper()
	rate, account := channel.Rate{PerSecond: 0.01, Burst: 7}, uuid.New()
	one, other := newLimiter(t, url, 2), newLimiter(t, url, 2)
	eventually(t, "Redis gives tokens", func() bool {
		n, _ := one.Reserve(t.Context(), account, rate, 4)
		return n == 4
	})
	if n, _ := other.Reserve(t.Context(), account, rate, 30); n != 3 {
		t.Errorf("the other process got %d, want the 3 that are left", n)
	}
}

// masterOf returns the server that holds the queue.
func masterOf(t *testing.T, fleet *dbtest.Fleet, admin redis.UniversalClient) *embedded.Redis {
	t.Helper()
	cluster, ok := admin.(*redis.ClusterClient)
	if !ok {
		return fleet.Servers[0]
	}
	master, err := cluster.MasterForKey(t.Context(), queueKeys)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range fleet.Servers {
		if strings.Contains(s.URL(), master.Options().Addr) {
			return s
		}
	}
	t.Fatalf("nobody is %s", master.Options().Addr)
	return nil
}

// An address that is mistyped is refused with what is wrong, and without its password.
func TestAddressOfAFleetIsRead(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"redis-cluster://:CANARY@a:1,b:2":                                    "",
		"rediss-cluster://ada:CANARY@a,b":                                    "",
		"redis-sentinel://:CANARY@a,b:2/3?master=m&sentinel_password=CANARY": "",
		"redis-sentinel://:CANARY@a,b:2/3":                                   "?master= is missing",
		"redis-sentinel://:CANARY@a/x?master=m":                              "is no number",
		"redis-sentinel://:CANARY@a?master=m&mastre=CANARY":                  "a parameter is not known",
		"redis-cluster://:CANARY@a:1/3":                                      "database 0 only",
		"redis-cluster://:CANARY@a:1?master=m":                               "takes no parameters",
		"redis-cluster://:CANARY@a,,b:1":                                     "a host is empty",
		"redis-cluster://:CAN ARY@a:1":                                       "is no address",
		"redis://:CANARY@a:1/nonsense":                                       "cannot be read",
	} {
		client, err := jobs.Connect(address, time.Second, 1)
		if err == nil {
			_ = client.Close()
		}
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY")) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
