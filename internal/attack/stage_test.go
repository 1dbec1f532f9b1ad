package attack

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/auth"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const (
	password    = "CANARY-PASSWORD correct horse"
	appSecret   = "CANARY-APP-SECRET-51c1"
	verifyToken = "CANARY-VERIFY-TOKEN-51c1"
	accessToken = "CANARY-ACCESS-TOKEN-51c1"
	pgPassword  = "CANARY-POSTGRES-PASSWORD-51c1"
	redisWord   = "CANARY-REDIS-PASSWORD-51c1"
	binaryVar   = "SWITCHBOARD_ATTACKED_BINARY"
)

// TestMain builds the binary once; where it is stands in the environment of the tests.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "switchboard-attack-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path := filepath.Join(dir, "switchboard")
		if out, err := exec.Command("go", "build", "-o", path, "../../cmd/switchboard").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
			return 1
		}
		if err := os.Setenv(binaryVar, path); err != nil {
			return 1
		}
		return m.Run()
	}())
}

// stage is an installation: a database with tenants, Redis, and processes of the binary.
type stage struct {
	*inboxtest.World
	t     *testing.T
	redis string
	env   []string
	keys  *secret.Keyring
	api   *process
}

// process is the binary at work.
type process struct {
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	url   string // of the public address; "" for a worker
	admin string
}

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newKey(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

// newStage returns an installation whose API serves.
func newStage(t *testing.T, vars ...string) *stage {
	t.Helper()
	s := &stage{World: inboxtest.New(t), t: t, redis: dbtest.Redis(t)}
	s.lockRedis()
	var err error
	s.keys, err = secret.ParseKeyring(newKey("k1", 1))
	s.must(err)
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DATABASE_URL=" + withPassword(s.AppURL, "", pgPassword), "REDIS_URL=" + s.redis,
		"SWITCHBOARD_KEKS=" + newKey("k1", 1), "SWITCHBOARD_JWT_KEYS=" + newKey("j1", 2), "SWITCHBOARD_FILE_KEYS=" + newKey("f1", 3),
		"SWITCHBOARD_BLOB_URL=file://" + t.TempDir(), "PORT=0", "ADMIN_ADDR=127.0.0.1:0", "LOG_LEVEL=DEBUG", "SWITCHBOARD_BIND_HOST=127.0.0.1",
		"SWITCHBOARD_META_APP_SECRET=" + appSecret, "SWITCHBOARD_META_VERIFY_TOKEN=" + verifyToken,
	}, vars...)
	s.api = s.start("serve")
	return s
}

// withPassword returns the address with the password, and the user where one is given. Postgres asks for none here, but a client has it.
func withPassword(address, user, password string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if user == "" {
		user = parsed.User.Username()
	}
	parsed.User = url.UserPassword(user, password)
	return parsed.String()
}

// lockRedis adds a user with a password, and has everybody sign in as him.
func (s *stage) lockRedis() {
	s.t.Helper()
	options, err := redis.ParseURL(s.redis)
	s.must(err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	s.must(client.Do(s.t.Context(), "ACL", "SETUSER", "desk", "on", ">"+redisWord, "~*", "&*", "+@all").Err())
	s.redis = withPassword(s.redis, "desk", redisWord)
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// start starts a process and returns when it is ready.
func (s *stage) start(args ...string) *process {
	s.t.Helper()
	p := &process{cmd: exec.Command(os.Getenv(binaryVar), args...), out: &output{}, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.must(p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	s.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if s.t.Failed() {
			text := p.out.String()
			s.t.Logf("switchboard %s: …%s", strings.Join(args, " "), text[max(0, len(text)-4000):])
		}
	})
	ready := regexp.MustCompile(`"msg":"(?:serving|working)"(?:,"address":"([^"]+)")?.*"admin":"([^"]+)"`)
	s.eventually(strings.Join(args, " ")+" is ready", func() bool {
		select {
		case <-p.ended:
			s.t.Fatalf("%v ended: %s", args, p.out)
		default:
		}
		found := ready.FindStringSubmatch(p.out.String())
		if found == nil {
			return false
		}
		if found[1] != "" {
			p.url = "http://" + found[1]
		}
		p.admin = "http://" + found[2]
		return true
	})
	s.eventually("/readyz", func() bool { status, _ := s.get(p.admin + "/readyz"); return status == http.StatusOK })
	return p
}

// eventually polls until the condition holds.
func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: not within a minute", what)
		}
	}
}

func (s *stage) get(url string) (int, string) {
	response, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// shop is one tenant with an admin who signs in, an API key and a WhatsApp number.
type shop struct {
	*inboxtest.Tenant
	s       *stage
	account uuid.UUID
	ref     string
	agents  []uuid.UUID
	key     string
	bearer  string
	refresh string
	start   string // a cursor from before everything
}

// shop adds a tenant. Everything but its slug and the number's reference is the same in every shop.
func (s *stage) shop(slug string) *shop {
	s.t.Helper()
	n := &shop{Tenant: s.Tenant(slug), s: s, ref: "1055" + fmt.Sprint(len(slug)) + slug}
	s.Exec("UPDATE tenants SET name = 'The Shop' WHERE tenant_id = $1", n.ID.UUID())
	team := n.Team("Support")
	hash, err := auth.NewHasher(1).Hash(s.t.Context(), password)
	s.must(err)
	for name, role := range map[string]inbox.Role{"ada": inbox.RoleAdmin, "bob": inbox.RoleAgent} {
		id := n.Agent(name, role, team)
		s.Exec("UPDATE agents SET password_hash = $2, email = $3, email_folded = $3 WHERE id = $1", id, hash, name+"@shop.example")
		n.agents = append(n.agents, id)
	}
	n.account = n.Account("Main number", &team)
	sealed := s.keys.Seal([]byte(`{"accessToken":"`+accessToken+`","appSecret":"`+appSecret+`","verifyToken":"`+verifyToken+`"}`),
		inbox.CredentialsPlace(n.ID, n.account))
	s.Exec("UPDATE channel_accounts SET external_ref = $2, credentials_sealed = $3 WHERE id = $1", n.account, n.ref, sealed)
	key, keyHash := auth.NewAPIKey(n.ID)
	s.Exec(`INSERT INTO api_keys (tenant_id, id, name, hash, scopes, created_at) VALUES ($1, $2, 'CRM', $3, $4, now())`,
		n.ID.UUID(), inboxtest.NewID(), keyHash, []string{string(inbox.ScopeRead), string(inbox.ScopeSend)})
	n.key = key
	return n
}

const loginDocument = `mutation($in: LoginInput!) { login(input: $in) { accessToken expiresAt refreshToken viewer { agent { name email role } } } }`

// signIn signs the admin in.
func (n *shop) signIn() string { return n.signInFor(loginDocument) }

// signInFor signs the admin in with a document of one's own.
func (n *shop) signInFor(document string) string {
	n.s.t.Helper()
	raw := n.ask("nobody", document, map[string]any{"in": n.signInOf("ada")})
	var got struct {
		Data struct {
			Login struct{ AccessToken, RefreshToken string }
		}
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil || got.Data.Login.AccessToken == "" {
		n.s.t.Fatalf("login: %s", raw)
	}
	n.bearer, n.refresh = got.Data.Login.AccessToken, got.Data.Login.RefreshToken
	return raw
}

// signInOf returns the input with which an agent signs in.
func (n *shop) signInOf(name string) map[string]any {
	return map[string]any{"tenant": n.Slug, "email": name + "@shop.example", "password": password}
}

// spendTwice has bob's refresh token used twice, as by a thief: an alert opens.
func (n *shop) spendTwice() (answers string) {
	n.s.t.Helper()
	raw := n.ask("nobody", loginDocument, map[string]any{"in": n.signInOf("bob")})
	token := find(raw, `"refreshToken":"([^"]+)"`)
	for range 2 {
		raw += n.ask("nobody", fmt.Sprintf(`mutation { refresh(input: {refreshToken: %q}) { refreshToken } }`, token), nil)
	}
	return raw
}

// request returns a GraphQL request of "ada", "key" or "nobody".
func (n *shop) request(who, query string, variables map[string]any) *http.Request {
	n.s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	n.s.must(err)
	r, err := http.NewRequestWithContext(n.s.t.Context(), http.MethodPost, n.s.api.url+"/graphql", bytes.NewReader(body))
	n.s.must(err)
	r.Header.Set("Content-Type", "application/json")
	switch who {
	case "ada":
		r.Header.Set("Authorization", "Bearer "+n.bearer)
	case "key":
		r.Header.Set("X-Api-Key", n.key)
	}
	return r
}

// ask sends an operation and returns the answer's bytes.
func (n *shop) ask(who, query string, variables map[string]any) string {
	n.s.t.Helper()
	_, text := send(n.s.t, n.request(who, query, variables))
	return text
}

// answer is ask with the status before the bytes, for those who compare answers.
func (n *shop) answer(who, query string, variables map[string]any) string {
	n.s.t.Helper()
	status, text := send(n.s.t, n.request(who, query, variables))
	return fmt.Sprint(status, " ", text)
}

// write delivers a customer's text as Meta does, and returns the answer.
func (n *shop) write(id, phone, name, text string) string {
	n.s.t.Helper()
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
		"messaging_product":"whatsapp","metadata":{"display_phone_number":"1555","phone_number_id":%q},"contacts":[{"profile":{"name":%q},"wa_id":%q}],
		"messages":[{"from":%q,"id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`, n.ref, name, phone, phone, id, time.Now().Unix(), text)
	r, err := http.NewRequestWithContext(n.s.t.Context(), http.MethodPost, n.s.api.url+"/webhooks/meta", bytes.NewReader(body))
	n.s.must(err)
	r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(appSecret), body))
	response, err := http.DefaultClient.Do(r)
	n.s.must(err)
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", string(answer))
}
