package chaos

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

// patience is how long anything may take to come back. Seconds are usual; what comes back at all on a machine that has much else to do is no
// finding, and what does not is one.
const patience = 10 * time.Minute

// world is a whole installation with its load.
type world struct {
	t       *testing.T
	dir     string
	binary  string
	seed    uint64
	random  *dice                                // of the fault that goes on; only the campaign throws it
	slots   [2]atomic.Pointer[embedded.Postgres] // the places where Postgres may be; the addresses name both
	primary atomic.Int32                         // which of them is it
	disk    *disk                                // what Postgres' files are on; nil: the machine's own
	redis   *embedded.Redis
	network *network
	vendor  *process
	serve   []*process
	work    []*process
	public  []string // addresses of serve, for clients
	ports   []string // that were given to somebody
	tenants []*tenant
	ledger  *ledger
	secret  *canaries
	setting []string       // environment of the installation
	keks    []string       // the keys that seal credentials, the current one first
	ordered map[string]int // how often a fault at each point was ordered
	done    map[string]int // how often each kind of a campaign's faults was done
	broken  atomic.Int64   // webhooks that were answered with 500
	givenUp int            // messages that ended as failed
	defects atomic.Int64   // answers of the API that are INTERNAL
	actions map[string]int // how often a fault of each action was ordered at a point
	anew    *stop          // the newest order to a process to start anew at rest
	faults  []moment       // what was done, and when
	moved   []move         // when the clock of the database was put forward at rest
	due     time.Time      // when the short form should be over; zero: it is none
	spared  int            // so many of the processes that serve, and that work, are left alone
	loose   bool           // a lease may end while its holder lives: two calls of one message may overlap

	load *load
}

// build returns the path of the binary with its fault points: that of CHAOS_BINARY, which campaigns side by side share, or a new one.
func build(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("CHAOS_BINARY"); given != "" {
		return given
	}
	binary := filepath.Join(t.TempDir(), "switchboard")
	if out, err := exec.Command("go", "build", "-tags", "chaos", "-o", binary, "../../cmd/switchboard").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// newWorld starts everything but the load. With a size, Postgres gets a disk of its own that has no more.
func newWorld(t *testing.T, binary string, seed uint64, disk int) *world {
	t.Helper()
	w := &world{t: t, binary: binary, seed: seed, random: newDice(seed, "campaign"), ordered: map[string]int{}, done: map[string]int{}, actions: map[string]int{},
		secret: &canaries{}}
	w.secret.add(appSecret, password, canary, customerPhones, buyerPhones)
	var err error
	if w.dir, err = os.MkdirTemp("", "switchboard-chaos-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(w.dir) })
	if err := os.Chmod(w.dir, 0o711); err != nil {
		t.Fatal(err)
	}
	w.ledger = openLedger(t, filepath.Join(w.dir, "ledger.jsonl"))
	w.startServers(disk)
	w.startProcesses()
	return w
}

func (w *world) startServers(size int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	options := embedded.Options{Dir: w.dir, Fsync: true, Database: "switchboard", Settings: map[string]string{"max_connections": "300"}}
	if size > 0 {
		w.disk = mount(w.t, filepath.Join(w.dir, "disk"), size)
		options.Dir = w.disk.dir
		options.Settings["max_wal_size"] = "96MB"
	}
	postgres, err := embedded.StartPostgres(ctx, options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.slots[0].Store(postgres)
	w.t.Cleanup(func() { w.stop(w.slots[0].Load(), w.slots[1].Load()) })
	w.redis, err = embedded.StartRedis(ctx, embedded.Options{Dir: w.dir, Fsync: true, Settings: map[string]string{"enable-debug-command": "yes"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.redis.Stop(ctx); err != nil {
			w.t.Log(err)
		}
	})
}

func (w *world) stop(servers ...*embedded.Postgres) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, p := range servers {
		if p == nil {
			continue
		}
		if err := p.Stop(ctx); err != nil {
			w.t.Log(err)
		}
	}
}

// postgres returns the server that is the primary.
func (w *world) postgres() *embedded.Postgres { return w.slots[w.primary.Load()].Load() }

// socketOf returns the socket of the server in a place; "": there is none.
func (w *world) socketOf(slot int) func() string {
	return func() string {
		p := w.slots[slot].Load()
		if p == nil {
			return ""
		}
		return w.mustURL(p.URL("switchboard")).Query().Get("host") + "/.s.PGSQL.5432"
	}
}

func (w *world) processes() []*process {
	return append(append([]*process{w.vendor}, w.serve...), w.work...)
}

// victims are the processes that are not spared.
func (w *world) victims() []*process {
	return append(append([]*process{}, w.serve[w.spared:]...), w.work[w.spared:]...)
}

// inquest shows what the processes printed when something went wrong.
func (w *world) inquest() {
	for _, p := range w.processes() {
		if w.t.Failed() {
			text := p.out.String()
			w.t.Logf("%s:\n%s", p.name, text[max(0, len(text)-4000):])
		}
	}
}

func (w *world) healthy() bool {
	for _, p := range append(append([]*process{}, w.serve...), w.work...) {
		if !p.ready() {
			return false
		}
	}
	conn, err := net.DialTimeout("tcp", w.vendorURL()[len("http://"):], time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// port takes an address outside the range from which the system lends them, so that nobody has it while its process is down.
func (w *world) port() string {
	w.t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+mathrand.IntN(18000))
		if slices.Contains(w.ports, address) { // who shall have it does not listen yet
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			w.ports = append(w.ports, address)
			return address
		}
	}
	w.t.Fatal("no port is free")
	return ""
}

func (w *world) mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// eventually polls until the condition holds.
func (w *world) eventually(what string, patience time.Duration, holds func() bool) {
	w.t.Helper()
	if !within(patience, holds) {
		w.t.Fatalf("%s: not within %v", what, patience)
	}
}

func within(patience time.Duration, holds func() bool) bool {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// sql runs statements as the owner of the database, past the network.
func (w *world) sql(do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.postgres().URL("switchboard"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return do(ctx, conn)
}

func (w *world) exec(statement string, args ...any) error {
	return w.sql(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement, args...)
		return err
	})
}

// redisClient returns a client past the network.
func (w *world) redisClient() *redis.Client {
	options, err := redis.ParseURL(w.redis.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	options.ReadTimeout = 2 * time.Minute
	client := redis.NewClient(options)
	w.t.Cleanup(func() { _ = client.Close() })
	return client
}

// resume brings a Postgres back, stopping it in order first when it runs. A slow machine may not let it stop in time; then it was killed.
func (w *world) resume(p *embedded.Postgres) error {
	var failed error
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := p.Restart(ctx)
		cancel()
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
