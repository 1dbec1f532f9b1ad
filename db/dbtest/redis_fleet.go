package dbtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// Fleet is several Redis servers that replace each other.
type Fleet struct {
	// URL reaches whichever of them is in charge.
	URL string
	// Servers are the servers, the masters first.
	Servers []*embedded.Redis
}

const (
	fleetPassword = "fleet"
	masterName    = "desk"
)

// RedisSentinel starts a master, two replicas and three sentinels, and returns when the sentinels know each other. They stop when t ends.
func RedisSentinel(t testing.TB) *Fleet {
	t.Helper()
	f := &Fleet{}
	replica := map[string]string{"requirepass": fleetPassword, "masterauth": fleetPassword, "repl-diskless-sync-delay": "0"}
	f.Servers = append(f.Servers, fleetMember(t, replica, embedded.StartRedis))
	host, port := address(t, f.Servers[0])
	replica["replicaof"] = host + " " + port
	for range 2 {
		f.Servers = append(f.Servers, fleetMember(t, replica, embedded.StartRedis))
	}
	var sentinels []string
	for range 3 {
		s := fleetMember(t, map[string]string{
			"requirepass": fleetPassword, "sentinel sentinel-pass": fleetPassword,
			"sentinel monitor": fmt.Sprintf("%s %s %s 2", masterName, host, port), "sentinel auth-pass": masterName + " " + fleetPassword,
			"sentinel down-after-milliseconds": masterName + " 1000", "sentinel failover-timeout": masterName + " 5000",
		}, embedded.StartSentinel)
		host, port := address(t, s)
		sentinels = append(sentinels, net.JoinHostPort(host, port))
	}
	for _, s := range sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: s, Password: fleetPassword})
		t.Cleanup(func() { _ = c.Close() })
		await(t, "the sentinels know the servers and each other", func(ctx context.Context) bool {
			m, err := c.Master(ctx, masterName).Result()
			return err == nil && m["num-slaves"] == "2" && m["num-other-sentinels"] == "2"
		})
	}
	f.URL = fmt.Sprintf("redis-sentinel://:%s@%s/0?master=%s&sentinel_password=%s", fleetPassword, strings.Join(sentinels, ","), masterName, fleetPassword)
	return f
}

// RedisCluster starts a cluster of three masters with a replica each and returns when all slots are served and replicated. It stops when t
// ends.
func RedisCluster(t testing.TB) *Fleet {
	t.Helper()
	const masters, slots = 3, 16384
	f := &Fleet{}
	clients, ids, hosts := make([]*redis.Client, 2*masters), make([]string, 2*masters), make([]string, 0, 2*masters)
	for i := range clients {
		bus := freePort(t)
		f.Servers = append(f.Servers, fleetMember(t, map[string]string{
			"requirepass": fleetPassword, "masterauth": fleetPassword, "cluster-enabled": "yes", "cluster-node-timeout": "1000",
			"cluster-port": bus, "repl-diskless-sync-delay": "0", "databases": "1",
		}, embedded.StartRedis))
		host, port := address(t, f.Servers[i])
		hosts = append(hosts, net.JoinHostPort(host, port))
		clients[i] = redis.NewClient(&redis.Options{Addr: hosts[i], Password: fleetPassword})
		t.Cleanup(func() { _ = clients[i].Close() })
		ids[i] = clients[i].ClusterMyID(t.Context()).Val()
		if i < masters {
			must(t, clients[i].ClusterAddSlotsRange(t.Context(), i*slots/masters, (i+1)*slots/masters-1).Err())
		}
		meet := []any{"CLUSTER", "MEET", host, port, bus}
		if i > 0 {
			must(t, clients[0].Do(t.Context(), meet...).Err())
		}
	}
	for i := range clients {
		await(t, "the nodes know each other", func(ctx context.Context) bool {
			info, err := clients[i].ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(clients)))
		})
	}
	for i := masters; i < len(clients); i++ {
		await(t, "the replicas follow", func(ctx context.Context) bool { return clients[i].ClusterReplicate(ctx, ids[i-masters]).Err() == nil })
	}
	for i := range clients {
		await(t, "all slots are served and replicated", func(ctx context.Context) bool {
			info, err := clients[i].ClusterInfo(ctx).Result()
			replication, err2 := clients[i].Info(ctx, "replication").Result()
			return err == nil && err2 == nil && strings.Contains(info, "cluster_state:ok") &&
				(i < masters && strings.Contains(replication, "connected_slaves:1") || strings.Contains(replication, "master_link_status:up"))
		})
	}
	f.URL = "redis-cluster://:" + fleetPassword + "@" + strings.Join(hosts[:masters], ",")
	return f
}

// fleetMember starts one server, which stops when t ends.
func fleetMember(t testing.TB, settings map[string]string, start func(context.Context, embedded.Options) (*embedded.Redis, error)) *embedded.Redis {
	t.Helper()
	r, err := start(context.Background(), embedded.Options{Dir: ownDir(t), Settings: settings, Log: logger(t)})
	must(t, err)
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return r
}

// address returns the host and port of a server.
func address(t testing.TB, r *embedded.Redis) (host, port string) {
	t.Helper()
	u, err := url.Parse(r.URL())
	must(t, err)
	return u.Hostname(), u.Port()
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// await polls until the condition holds.
func await(t testing.TB, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); !holds(ctx); <-tick.C {
		if ctx.Err() != nil {
			t.Fatalf("dbtest: not in time: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
}
