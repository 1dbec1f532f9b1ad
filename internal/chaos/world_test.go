package chaos

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/internal/embedded"
)

const (
	appSecret = "the app's secret"
	password  = "correct horse battery"
)

// world is a whole installation with its load.
type world struct {
	t        *testing.T
	dir      string
	binary   string
	random   *dice
	postgres *embedded.Postgres
	redis    *embedded.Redis
	network  *network
	vendor   *process
	serve    []*process
	work     []*process
	public   []string // addresses of serve
	tenants  []*tenant
	ledger   *ledger
	setting  []string // environment of the installation
	offset   int      // of the first fault point of K1
	loose    bool     // a lease may end while its holder lives: two calls of one message may overlap

	load *load
}

// tenant is one business of the installation.
type tenant struct {
	number int
	id     string
	slug   string
	ref    string // phone number id
	phone  string
	acct   string // channel account
	key    string // API key
	agents []*agent
	sees   []*subscriber
}

// dice makes the choices of a run; the same seed makes the same ones.
type dice struct {
	mu sync.Mutex
	r  *mathrand.Rand
}

func newDice(seed uint64) *dice { return &dice{r: mathrand.New(mathrand.NewPCG(seed, 1))} }

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.n(int((most-least)/time.Microsecond)+1))*time.Microsecond
}

// newWorld builds the binary and starts everything but the load.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, random: newDice(seed)}
	var err error
	if w.dir, err = os.MkdirTemp("", "switchboard-chaos-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(w.dir) })
	if err := os.Chmod(w.dir, 0o711); err != nil {
		t.Fatal(err)
	}
	w.binary = filepath.Join(w.dir, "switchboard")
	if out, err := exec.Command("go", "build", "-tags", "chaos", "-o", w.binary, "../../cmd/switchboard").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.ledger = openLedger(t, filepath.Join(w.dir, "ledger.jsonl"))
	w.startServers()
	w.startProcesses()
	return w
}

func (w *world) startServers() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	var err error
	w.postgres, err = embedded.StartPostgres(ctx, embedded.Options{Dir: w.dir, Fsync: true, Database: "switchboard", Settings: map[string]string{
		"max_connections": "300",
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.redis, err = embedded.StartRedis(ctx, embedded.Options{Dir: w.dir, Fsync: true, Settings: map[string]string{"enable-debug-command": "yes"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(w.redis.Stop(ctx), w.postgres.Stop(ctx)); err != nil {
			w.t.Log(err)
		}
	})
}

// startProcesses wires the installation through the network and founds two tenants in it.
func (w *world) startProcesses() {
	w.t.Helper()
	provider, redisURL := w.port(), w.mustURL(w.redis.URL())
	socket := w.mustURL(w.postgres.URL("switchboard")).Query().Get("host") + "/.s.PGSQL.5432"
	w.network = newNetwork(w.t, map[string]string{
		linkPostgres: socket, linkListen: socket, linkRedis: redisURL.Host, linkProvider: provider,
	})
	redisURL.Host = w.network.address(linkRedis)
	database := func(link string) string {
		return "postgres://switchboard_app@" + w.network.address(link) + "/switchboard?sslmode=disable&pool_max_conns=24&connect_timeout=5"
	}
	key := func() string {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		return "k1:" + base64.StdEncoding.EncodeToString(b)
	}
	w.setting = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "LOG_LEVEL=WARN",
		"DATABASE_URL=" + database(linkPostgres), "LISTEN_DATABASE_URL=" + database(linkListen),
		"MIGRATE_DATABASE_URL=" + w.postgres.URL("switchboard"), "REDIS_URL=" + redisURL.String(),
		"META_GRAPH_BASE_URL=http://" + w.network.address(linkProvider),
		"SWITCHBOARD_META_APP_SECRET=" + appSecret, "SWITCHBOARD_META_VERIFY_TOKEN=verify",
		"SWITCHBOARD_KEKS=" + key(), "SWITCHBOARD_JWT_KEYS=" + key(), "SWITCHBOARD_FILE_KEYS=" + key(),
		"SWITCHBOARD_BLOB_URL=file://" + filepath.Join(w.dir, "files"), "SWITCHBOARD_ACCESS_TOKEN_LIFE=60m", "SWITCHBOARD_BIND_HOST=127.0.0.1",
		"GOMAXPROCS=2",
	}
	w.command("", "migrate")
	for i := range 2 {
		w.public = append(w.public, w.port())
		w.serve = append(w.serve, w.place(fmt.Sprintf("serve%d", i), "serve", "PORT="+w.public[i][len("127.0.0.1:"):]))
		w.work = append(w.work, w.place(fmt.Sprintf("work%d", i), "work"))
	}
	w.vendor = w.place("vendor", "simulate", "SIMULATOR_ADDR="+provider)
	w.vendor.args = append(w.vendor.args, "--state", filepath.Join(w.dir, "vendor"))
	for _, p := range w.processes() {
		p.run()
		w.t.Cleanup(p.close)
	}
	w.t.Cleanup(w.inquest)
	w.eventually("the installation is ready", 60*time.Second, w.healthy)
	for i := range 2 {
		w.found(i, "http://"+provider)
	}
	w.ask("PUT", "http://"+provider+"/api/settings", map[string]any{"sentAfter": 30, "deliveredAfter": 120, "readAfter": 300, "ignoreWindow": true}, nil)
}

func (w *world) processes() []*process {
	return append(append([]*process{w.vendor}, w.serve...), w.work...)
}

func (w *world) place(name, command string, env ...string) *process {
	p := &process{name: name, path: w.binary, args: []string{command}, admin: w.port(), sock: filepath.Join(w.dir, name+".sock")}
	p.env = append(append([]string{"ADMIN_ADDR=" + p.admin}, w.setting...), env...)
	return p
}

// inquest shows what the processes printed when something went wrong, and finds what none may print.
func (w *world) inquest() {
	for _, p := range w.processes() {
		for _, line := range p.out.bad {
			w.t.Errorf("%s printed: %s", p.name, line)
		}
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
	conn, err := net.DialTimeout("tcp", w.vendor.env[len(w.vendor.env)-1][len("SIMULATOR_ADDR="):], time.Second)
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
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	w.t.Fatal("no port is free")
	return ""
}

// command runs the binary as an operator does and returns what it prints.
func (w *world) command(stdin string, args ...string) string {
	w.t.Helper()
	out, err := w.try(stdin, args...)
	if err != nil {
		w.t.Fatalf("%v: %v: %s", args, err, out)
	}
	return out
}

func (w *world) try(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, args...)
	cmd.Env, cmd.Stdin = w.setting, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// found makes a tenant with people, a key and a number.
func (w *world) found(i int, vendor string) {
	w.t.Helper()
	slug := fmt.Sprintf("tenant%d", i)
	tn := &tenant{number: i, slug: slug, ref: fmt.Sprintf("10550000%d", i), phone: fmt.Sprintf("+1555000000%d", i)}
	second := func(out, name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `\s+(\S+)`).FindStringSubmatch(out)
		if found == nil {
			w.t.Fatalf("no %s in %s", name, out)
		}
		return found[1]
	}
	tn.id = second(w.command("", "tenant", "create", "--slug", slug, "--name", slug), "id")
	for a := range 4 {
		email := fmt.Sprintf("agent%d@%s.example", a, slug)
		w.command(password+"\n", "agent", "create", "--tenant", slug, "--name", "Robin", "--email", email, "--role", "ADMIN", "--password-stdin")
		tn.agents = append(tn.agents, &agent{w: w, tenant: tn, email: email})
	}
	tn.key = second(w.command("", "apikey", "create", "--tenant", slug, "--name", "CRM", "--scope", "notifications:send"), "key")
	tn.acct = second(w.command(`{"accessToken":"token","appSecret":"`+appSecret+`"}`, "channel", "create", "--tenant", slug, "--provider", "meta",
		"--ref", tn.ref, "--name", "Main"), "id")
	w.ask("PUT", vendor+"/api/accounts/"+tn.ref, map[string]any{"displayPhone": tn.phone, "name": slug, "appSecret": appSecret,
		"callbackUrl": "http://" + w.public[i%len(w.public)] + "/webhooks/meta"}, nil)
	w.tenants = append(w.tenants, tn)
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

// sql runs a statement as the owner of the database, past the network.
func (w *world) sql(do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.postgres.URL("switchboard"))
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
