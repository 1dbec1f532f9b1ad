package chaos

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// network is every connection between the processes and what they use; each can be spoiled on its own.
type network struct {
	server *toxiproxy.ApiServer
	listen map[string]string           // the address of each link
	links  map[string]*toxiproxy.Proxy // of the goroutine that spoils alone
}

// The links of the installation.
const (
	linkPostgres = "postgres"
	linkListen   = "listen"
	linkRedis    = "redis"
	linkProvider = "provider"
	linkStandby  = "standby" // the second place where Postgres may be, for both
	linkClient   = "client"  // to the first of the processes that serve
	linkClient1  = "client1" // and to the second
	linkWebhook  = "webhook" // the same for the provider
	linkWebhook1 = "webhook1"
)

// newNetwork opens a link for each upstream: an address of TCP, or the path of a unix socket, which may be another one at any time.
func newNetwork(t *testing.T, upstreams map[string]func() string) *network {
	t.Helper()
	n := &network{
		server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		listen: map[string]string{}, links: map[string]*toxiproxy.Proxy{},
	}
	for name, where := range upstreams {
		upstream := where()
		if !strings.Contains(upstream, ":") {
			upstream = relay(t, where)
		}
		n.open(t, name, "127.0.0.1:0", upstream)
		n.listen[name] = n.links[name].Listen
		t.Cleanup(func() { n.links[name].Stop() })
	}
	return n
}

func (n *network) open(t *testing.T, link, listen, upstream string) {
	t.Helper()
	p := toxiproxy.NewProxy(n.server, link, listen, upstream)
	if err := p.Start(); err != nil {
		t.Fatalf("the link %s: %v", link, err)
	}
	n.links[link] = p
}

func (n *network) address(link string) string { return n.listen[link] }

// spoil adds a toxic, given as toxiproxy's JSON, to whoever is connected too, and returns how to take it away. That gives the link another proxy, and
// cuts who is connected: toxiproxy's own way waits for itself when a connection ends at that moment.
func (n *network) spoil(t *testing.T, link, toxic string) func() {
	t.Helper()
	p := n.links[link]
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatalf("%s on %s: %v", toxic, link, err)
	}
	return func() {
		t.Helper()
		p.Stop()
		n.open(t, link, p.Listen, p.Upstream)
	}
}

// relay makes a unix socket reachable over TCP, for a proxy that knows nothing else.
func relay(t *testing.T, socket func() string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go join(conn, socket())
		}
	}()
	return listener.Addr().String()
}

// join copies both ways until one side ends.
func join(conn net.Conn, socket string) {
	defer func() { _ = conn.Close() }()
	other, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	var once sync.Once
	end := func() { once.Do(func() { _, _ = conn.Close(), other.Close() }) }
	var both sync.WaitGroup
	both.Go(func() { defer end(); _, _ = io.Copy(other, conn) })
	both.Go(func() { defer end(); _, _ = io.Copy(conn, other) })
	both.Wait()
}
