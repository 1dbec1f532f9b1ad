package attack

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// TestKeysRotateUnderLoad brings a new key, seals everything anew while webhooks that need the sealed secrets come in, is killed on the way
// and goes on, and takes the old key out: no webhook is refused, and no credential, alert secret or refresh token names the old key. (R61)
func TestKeysRotateUnderLoad(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := s.shop("shop-a")
	s.extraAccounts(n, 250)
	n.signIn()
	n.refreshOnce()
	if code, out := s.run("tenant", "alerts", "--tenant", n.Slug, "--url", "https://alerts.invalid/"); code != 0 || s.under("k1") != 253 {
		t.Fatalf("the alert URL is set with %d %s, and %d values are under k1", code, out, s.under("k1"))
	}
	s.restart(newKey("k2", 7) + "," + newKey("k1", 1))
	var refused, taken atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 4 {
		load.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				if status := n.ownWebhook(n.account, fmt.Sprint("wamid.", i, ".", j)); status == http.StatusOK {
					taken.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	release := s.holdLastAccount() // so that the kill never comes too late
	first := exec.Command(os.Getenv(binaryVar), "secrets", "rewrap")
	first.Env = s.env
	s.must(first.Start())
	s.eventually("some values are sealed anew", func() bool { return s.under("k2") > 1 })
	before := taken.Load()
	s.eventually("webhooks are taken meanwhile", func() bool { return taken.Load() > before })
	_ = first.Process.Kill()
	_ = first.Wait()
	release()
	killed := s.under("k1")
	if killed == 0 {
		t.Error("the kill left nothing to do")
	}
	code, out := s.run("secrets", "rewrap")
	if code != 0 || !strings.Contains(out, "unreadable       0") || s.under("k1") != 0 || s.under("k2") != 253 {
		t.Errorf("rewrap ends with %d: %s; %d under k1, %d under k2", code, out, s.under("k1"), s.under("k2"))
	}
	close(stop)
	load.Wait()
	if refused.Load() != 0 {
		t.Errorf("%d webhooks were taken and %d refused meanwhile", taken.Load(), refused.Load())
	}
	t.Logf("%d webhooks were taken meanwhile; the kill left %d values", taken.Load(), killed)
	s.restart(newKey("k2", 7))
	if status := n.ownWebhook(n.account, "wamid.after"); status != http.StatusOK {
		t.Errorf("without the old key a webhook is answered %d", status)
	}
	if code, out := s.run("secrets", "rewrap"); code != 0 || !strings.Contains(out, "sealed anew      0") {
		t.Errorf("rewrapping again ends with %d: %s", code, out)
	}
}

// TestSealedValuesStayWhereTheyAre moves a sealed value to another row, another tenant and another column, changes a bit of it, cuts it, and
// seals it under a key that is not here: nothing opens there,
// the address answers as one that does not exist, and a rewrap reports it. (R61)
func TestSealedValuesStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a, b := s.shop("shop-a"), s.shop("shop-b")
	other := s.extraAccounts(a, 5)
	gone, err := secret.ParseKeyring(newKey("k9", 9))
	s.must(err)
	credentials := []byte(`{"accessToken":"` + accessToken + `","appSecret":"` + appSecret + `","verifyToken":"` + verifyToken + `"}`)
	reseal := func(account uuid.UUID, sealed []byte) {
		s.Exec("UPDATE channel_accounts SET credentials_sealed = $2 WHERE id = $1", account, sealed)
	}
	s.Exec("UPDATE channel_accounts SET credentials_sealed = substring(credentials_sealed FOR 40) WHERE id = $1", other[2])
	reseal(other[3], s.keys.Seal(credentials, inbox.AlertSecretPlace(a.ID)))         // of another column
	reseal(other[4], gone.Seal(credentials, inbox.CredentialsPlace(a.ID, other[4]))) // under a key that is not here any more
	s.Exec("UPDATE channel_accounts SET credentials_sealed = (SELECT credentials_sealed FROM channel_accounts WHERE id = $2) WHERE id = $1", other[0], a.account)
	s.Exec("UPDATE channel_accounts SET credentials_sealed = set_bit(credentials_sealed, 200, 1 - get_bit(credentials_sealed, 200)) WHERE id = $1", other[1])
	s.Exec("UPDATE channel_accounts SET credentials_sealed = (SELECT credentials_sealed FROM channel_accounts WHERE id = $2) WHERE id = $1", b.account, a.account)
	if status := a.ownWebhook(a.account, "wamid.1"); status != http.StatusOK {
		t.Fatalf("the untouched account answers %d", status)
	}
	for _, moved := range append(other, b.account) {
		if status := a.ownWebhook(moved, "wamid.2"); status != http.StatusNotFound {
			t.Errorf("credentials that were moved or changed answer %d", status)
		}
	}
	// The log comes through a pipe, after the answers.
	s.eventually("each of the six raised an alarm in the log", func() bool {
		return strings.Count(s.api.out.String(), "a webhook address cannot be used") == 6
	})
	s.restart(newKey("k2", 7) + "," + newKey("k1", 1))
	code, out := s.run("secrets", "rewrap")
	if code != 1 || !strings.Contains(out, "unreadable       6") || s.under("k1") != 5 || strings.Contains(out, accessToken) {
		t.Errorf("rewrap ends with %d: %s", code, out)
	}
}

// under counts what is sealed under the key, whatever it is.
func (s *stage) under(key string) int64 {
	return s.Int(`SELECT count(*) FROM (SELECT credentials_sealed FROM channel_accounts UNION ALL SELECT successor_sealed FROM refresh_tokens
		UNION ALL SELECT alert_secret_sealed FROM tenants) s(value) WHERE substr(value, 3, 2) = convert_to($1, 'UTF8')`, key)
}

// holdLastAccount keeps the account that a rewrap comes to last from being written until it is released.
func (s *stage) holdLastAccount() (release func()) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.OwnerURL)
	s.must(err)
	s.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(s.t.Context(), "BEGIN")
	s.must(err)
	_, err = conn.Exec(s.t.Context(), "SELECT FROM channel_accounts ORDER BY id DESC LIMIT 1 FOR UPDATE")
	s.must(err)
	return func() { s.must(conn.Close(context.Background())) }
}

// extraAccounts adds channel accounts with credentials of their own.
func (s *stage) extraAccounts(n *shop, count int) (ids []uuid.UUID) {
	s.t.Helper()
	for i := range count {
		id := inboxtest.NewID()
		sealed := s.keys.Seal([]byte(`{"accessToken":"`+accessToken+`","appSecret":"`+appSecret+`","verifyToken":"`+verifyToken+`"}`), inbox.CredentialsPlace(n.ID, id))
		s.Exec(`INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, credentials_sealed, endpoint_id, created_at)
			VALUES ($1, $2, 'WHATSAPP', 'meta', $3, 'Another', $4, $3, now())`, n.ID.UUID(), id, id.String(), sealed)
		s.Exec("UPDATE channel_accounts SET external_ref = $2 WHERE id = $1", id, fmt.Sprint("extra", i, n.Slug))
		ids = append(ids, id)
	}
	return ids
}

// restart ends the API and starts it with other keys for credentials.
func (s *stage) restart(keks string) {
	s.t.Helper()
	_ = s.api.cmd.Process.Signal(os.Interrupt)
	<-s.api.ended
	s.env = slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return strings.HasPrefix(v, "SWITCHBOARD_KEKS=") })
	s.env = append(s.env, "SWITCHBOARD_KEKS="+keks)
	s.api = s.start("serve")
}

// run runs a command to its end.
func (s *stage) run(args ...string) (code int, out string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), os.Getenv(binaryVar), args...)
	cmd.Env = s.env
	text, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(text)
}

// refreshOnce spends a refresh token with a nonce, so that a sealed successor is stored.
func (n *shop) refreshOnce() {
	n.s.t.Helper()
	raw := n.ask("nobody", fmt.Sprintf(`mutation { refresh(input: {refreshToken: %q, clientNonce: "a-nonce-of-sixteen"}) { accessToken } }`, n.refresh), nil)
	if !strings.Contains(raw, `"accessToken"`) {
		n.s.t.Fatal(raw)
	}
}

// ownWebhook delivers a text to the account's own address, whose secret is sealed, and returns the status.
func (n *shop) ownWebhook(account uuid.UUID, id string) int {
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
		"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},"messages":[{"from":"4915112345678","id":%q,"timestamp":"%d","type":"text","text":{"body":"x"}}]}}]}]}`,
		n.ref, id, time.Now().Unix())
	r, err := http.NewRequestWithContext(n.s.t.Context(), http.MethodPost, n.s.api.url+"/webhooks/meta/"+account.String(), bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(appSecret), body))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
