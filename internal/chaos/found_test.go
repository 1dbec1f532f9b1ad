package chaos

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	appSecret = "the app's secret"
	password  = "correct horse battery"
	canary    = "kestrel-" // begins every text that anybody writes

	customerPhones = "4477009000" // begins the numbers of those who write
	busyPhone      = customerPhones + "00"
	buyerPhones    = "4477008000" // and of those who are notified
)

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

// startProcesses wires the installation through the network and founds two tenants in it.
func (w *world) startProcesses() {
	w.t.Helper()
	provider, redisURL := w.port(), w.mustURL(w.redis.URL())
	at := func(address string) func() string { return func() string { return address } }
	serve := []string{w.port(), w.port()}
	w.network = newNetwork(w.t, map[string]func() string{
		linkPostgres: w.socketOf(0), linkListen: w.socketOf(0), linkStandby: w.socketOf(1), linkRedis: at(redisURL.Host), linkProvider: at(provider),
		linkClient: at(serve[0]), linkWebhook: at(serve[0]), linkClient1: at(serve[1]), linkWebhook1: at(serve[1]),
	})
	redisURL.Host = w.network.address(linkRedis)
	w.setting = w.environment(redisURL.String())
	w.command("", "migrate")
	for i := range 2 {
		w.public = append(w.public, w.network.address([]string{linkClient, linkClient1}[i]))
		w.serve = append(w.serve, w.place(fmt.Sprintf("serve%d", i), "serve", "PORT="+serve[i][len("127.0.0.1:"):]))
		w.work = append(w.work, w.place(fmt.Sprintf("work%d", i), "work"))
	}
	w.vendor = w.place("vendor", "simulate", "SIMULATOR_ADDR="+provider)
	w.vendor.args = append(w.vendor.args, "--state", filepath.Join(w.dir, "vendor"))
	for _, p := range w.processes() {
		p.run()
		w.t.Cleanup(p.close)
	}
	w.t.Cleanup(w.inquest)
	w.eventually("the installation is ready", patience, w.healthy)
	for i := range 2 {
		w.found(i, "http://"+provider)
	}
	w.ask("PUT", "http://"+provider+"/api/settings", map[string]any{"sentAfter": 30, "deliveredAfter": 120, "readAfter": 300, "ignoreWindow": true}, nil)
	w.worsen()
}

// worsen makes the provider what providers are: now and then it fails, cuts the line after it has accepted, and tells late, twice or
// in the wrong order what became of a message.
func (w *world) worsen() {
	for kind, probability := range map[string]float64{
		"duplicate_receipts": 0.05, "reordered_receipts": 0.05, "early_receipts": 0.05,
		"accept_cut": 0.01, "accept_half": 0.01, "server_error": 0.01,
	} {
		w.ask("POST", w.vendorURL()+"/api/faults", map[string]any{"kind": kind, "probability": probability, "count": -1}, nil)
	}
}

// environment is what all processes are configured with.
func (w *world) environment(redisURL string) []string {
	database := func(link string) string {
		return "postgres://switchboard_app@" + w.network.address(link) + "," + w.network.address(linkStandby) +
			"/switchboard?sslmode=disable&pool_max_conns=24&connect_timeout=5&target_session_attrs=read-write"
	}
	w.keks = []string{newKey(1)}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "LOG_LEVEL=WARN",
		"DATABASE_URL=" + database(linkPostgres), "LISTEN_DATABASE_URL=" + database(linkListen), "REDIS_URL=" + redisURL,
		"META_GRAPH_BASE_URL=http://" + w.network.address(linkProvider),
		"SWITCHBOARD_META_APP_SECRET=" + appSecret, "SWITCHBOARD_META_VERIFY_TOKEN=verify",
		"SWITCHBOARD_KEKS=" + w.keks[0], "SWITCHBOARD_JWT_KEYS=" + newKey(1), "SWITCHBOARD_FILE_KEYS=" + newKey(1),
		"SWITCHBOARD_BLOB_URL=file://" + filepath.Join(w.dir, "files"), "SWITCHBOARD_ACCESS_TOKEN_LIFE=60m", "SWITCHBOARD_BIND_HOST=127.0.0.1",
		"GOMAXPROCS=2",
	}
}

func newKey(n int) string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("k%d:%s", n, base64.StdEncoding.EncodeToString(b))
}

func (w *world) place(name, command string, env ...string) *process {
	p := &process{name: name, path: w.binary, args: []string{command}, admin: w.port(), sock: filepath.Join(w.dir, name+".sock"), secret: w.secret}
	p.env = append(append([]string{"ADMIN_ADDR=" + p.admin}, w.setting...), env...)
	return p
}

func (w *world) vendorURL() string {
	return "http://" + w.vendor.env[len(w.vendor.env)-1][len("SIMULATOR_ADDR="):]
}

// command runs the binary as an operator does and returns what it prints.
func (w *world) command(stdin string, args ...string) string {
	w.t.Helper()
	out, err := w.try(stdin, nil, args...)
	if err != nil {
		w.t.Fatalf("%v: %v: %s", args, err, out)
	}
	return out
}

func (w *world) try(stdin string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, args...)
	cmd.Env = append(append(append([]string{}, w.setting...), "MIGRATE_DATABASE_URL="+w.postgres().URL("switchboard")), env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// found makes a tenant with people, a key, a number and an alert URL.
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
		out := w.command(password+"\n", "agent", "create", "--tenant", slug, "--name", "Robin", "--email", email, "--role", "ADMIN", "--password-stdin")
		tn.agents = append(tn.agents, &agent{w: w, tenant: tn, email: email, id: second(out, "id"), random: newDice(w.seed, email)})
	}
	tn.key = second(w.command("", "apikey", "create", "--tenant", slug, "--name", "CRM", "--scope", "notifications:send"), "key")
	w.secret.add(tn.key)
	tn.acct = second(w.command(`{"accessToken":"`+canary+`token","appSecret":"`+appSecret+`"}`, "channel", "create", "--tenant", slug, "--provider", "meta",
		"--ref", tn.ref, "--name", "Main"), "id")
	w.ask("PUT", vendor+"/api/accounts/"+tn.ref, map[string]any{"displayPhone": tn.phone, "name": slug, "appSecret": appSecret,
		"callbackUrl": "http://" + w.network.address([]string{linkWebhook, linkWebhook1}[i]) + "/webhooks/meta"}, nil)
	w.tenants = append(w.tenants, tn)
}
