package httpd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
	"github.com/switchboard-inbox/switchboard/internal/httpd"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const (
	appSecret = "the app's secret" // of the address that all share
	ownSecret = "the tenant's own secret"
	phoneRef  = "111000111000111" // the number in the recorded webhooks
)

// desk is the webhook edge of a whole Switchboard on a database of its own.
type desk struct {
	t       *testing.T
	base    *dbtest.Database
	owner   *pgxpool.Pool
	keys    *secret.Keyring
	meta    *meta.Provider
	handler http.Handler
	now     func() time.Time
}

// place is a tenant with one account that has a webhook address of its own.
type place struct {
	tenant   inbox.TenantID
	account  uuid.UUID
	endpoint string
	ref      string
}

func newDesk(t *testing.T, change ...func(*httpd.WebhookConfig)) *desk {
	t.Helper()
	d := &desk{t: t, base: dbtest.New(t), now: time.Now}
	var err error
	d.owner, err = pgxpool.New(context.Background(), d.base.OwnerURL)
	must(t, err)
	t.Cleanup(d.owner.Close)
	d.keys, err = secret.ParseKeyring("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	must(t, err)
	d.meta, err = meta.New(meta.Config{BaseURL: "http://127.0.0.1:1"})
	must(t, err)
	d.handler = d.process(d.base.DB, change...)
	return d
}

// process returns the webhook handler of one process.
func (d *desk) process(store *db.DB, change ...func(*httpd.WebhookConfig)) http.Handler {
	d.t.Helper()
	registry, err := channel.NewRegistry(d.meta)
	must(d.t, err)
	log := slog.New(slog.DiscardHandler)
	in := inbox.NewIngest(inbox.IngestConfig{
		Store: store, Directory: store, Clock: time.Now, Log: log,
		Receipts: outbound.New(store.Outbound(), outbound.Config{Providers: registry, Secrets: d.keys, Clock: time.Now, Log: log}),
	})
	d.t.Cleanup(func() { must(d.t, in.Drain(context.Background())) })
	config := httpd.WebhookConfig{
		Providers: registry, Directory: store, Accounts: inbox.NewVault(store, d.keys, time.Now), Ingest: in,
		Apps:  map[string]channel.Endpoint{"meta": channel.NewEndpoint("meta", []byte("shared token"), []byte(appSecret))},
		Clock: func() time.Time { return d.now() }, Log: log,
	}
	for _, c := range change {
		c(&config)
	}
	return httpd.NewWebhooks(config)
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	_, err := d.owner.Exec(context.Background(), sql, args...)
	must(d.t, err)
}

func (d *desk) count(sql string, args ...any) (n int) {
	d.t.Helper()
	must(d.t, d.owner.QueryRow(context.Background(), "SELECT count(*) FROM "+sql, args...).Scan(&n))
	return n
}

// place adds a tenant.
func (d *desk) place(ref string) place {
	d.t.Helper()
	p := place{tenant: inbox.TenantOf(uuid.Must(uuid.NewV7())), account: uuid.Must(uuid.NewV7()), endpoint: "endpoint-of-" + ref, ref: ref}
	d.exec("INSERT INTO tenants (tenant_id, slug, name, created_at) VALUES ($1, $2, $2, now())", p.tenant.UUID(), "t"+ref)
	d.exec("INSERT INTO tenant_heads (tenant_id, epoch) VALUES ($1, $1)", p.tenant.UUID())
	sealed := d.keys.Seal([]byte(`{"accessToken":"t","appSecret":"`+ownSecret+`","previousAppSecret":"old","verifyToken":"own token"}`),
		inbox.CredentialsPlace(p.tenant, p.account))
	d.exec(`INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, credentials_sealed, endpoint_id, created_at)
		VALUES ($1, $2, 'WHATSAPP', 'meta', $3, 'WhatsApp', $4, $5, now())`, p.tenant.UUID(), p.account, ref, sealed, p.endpoint)
	return p
}

// post sends a signed webhook.
func (d *desk) post(handler http.Handler, path, key string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	if key != "" {
		r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(key), body))
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func text(ref, id, from, body string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
		"messaging_product":"whatsapp","metadata":{"display_phone_number":"1555","phone_number_id":%q},
		"contacts":[{"profile":{"name":"Kim"},"wa_id":%q}],
		"messages":[{"from":%q,"id":%q,"timestamp":"1767225600","type":"text","text":{"body":%q}}]}}]}]}`, ref, from, from, id, body)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every recorded webhook of the contract goes through the real provider, ingest and database; nothing of it is lost, and a second delivery
// changes nothing.
func TestEveryRecordedWebhookIsTakenIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place(phoneRef)
	d.place("444000444000444")
	files, err := filepath.Glob("../channel/meta/testdata/webhooks/*.json")
	must(t, err)
	endpoint := channel.NewEndpoint("e", nil, []byte(appSecret))
	seen, kinds := 0, map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		body, err := os.ReadFile(name)
		must(t, err)
		header := http.Header{"X-Hub-Signature-256": {"sha256=" + channel.SignSHA256([]byte(appSecret), body)}}
		items, err := d.meta.Receive(context.Background(), endpoint, channel.Request{Method: "POST", Header: header, Body: body})
		must(t, err)
		for range 2 {
			if w := d.post(d.handler, "/webhooks/meta", appSecret, body); w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		seen += 2 * len(items)
		for _, item := range items {
			event, ok := item.Event.(channel.Inbound)
			if !ok {
				continue
			}
			kinds[string(event.Kind)] = true
			n := d.count("messages WHERE external_id = $1", event.ExternalID) + d.count("message_marks WHERE external_id = $1", event.ExternalID)
			if n == 0 {
				t.Errorf("%s: %s %s is neither a message nor a mark", filepath.Base(name), event.Kind, event.ExternalID)
			}
		}
	}
	if kept := d.count("webhook_items") + d.count("app.unrouted_webhook_items"); kept != seen || seen == 0 {
		t.Errorf("%d items received, %d kept", seen, kept)
	}
	if twice := d.count("(SELECT FROM messages GROUP BY channel_account_id, external_id HAVING count(*) > 1) x"); twice != 0 {
		t.Errorf("%d messages are there twice", twice)
	}
	if lost := d.count("webhook_items WHERE state <> 'DUPLICATE' AND raw IS NULL"); lost != 0 {
		t.Errorf("%d items lost their bytes", lost)
	}
	for _, kind := range []channel.Kind{channel.KindText, channel.KindImage, channel.KindAudio, channel.KindVideo, channel.KindDocument,
		channel.KindSticker, channel.KindLocation, channel.KindContacts, channel.KindInteractive, channel.KindOrder, channel.KindSystem,
		channel.KindReaction, channel.KindEdit, channel.KindDeletion, channel.KindUnsupported} {
		if !kinds[string(kind)] {
			t.Errorf("no recorded webhook has a %s", kind)
		}
	}
	if files := d.count("attachments WHERE state = 'PENDING' AND due_at IS NOT NULL"); files == 0 {
		t.Error("no file waits to be fetched")
	}
}

// H20, H24: whatever is wrong, the answer is that of an address that does not exist.
func TestNobodyLearnsWhichAddressesExist(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	own, other, off := d.place("2001"), d.place("2002"), d.place("2003")
	d.exec("UPDATE channel_accounts SET status = 'DISABLED' WHERE id = $1", off.account)
	body := text(own.ref, "m1", "491711234567", "hello")
	signed := channel.SignSHA256([]byte(ownSecret), body)
	unknown := d.post(d.handler, "/webhooks/meta/no-such-endpoint", ownSecret, body)
	request := func(path string, body []byte, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	signature := func(values ...string) http.Header { return http.Header{"X-Hub-Signature-256": values} }
	path := "/webhooks/meta/" + own.endpoint
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no signature":         request(path, body, http.Header{}),
		"no prefix":            request(path, body, signature(signed)),
		"wrong prefix":         request(path, body, signature("sha1="+signed)),
		"upper case":           request(path, body, signature("sha256="+strings.ToUpper(signed))),
		"cut":                  request(path, body, signature("sha256="+signed[:62])),
		"two headers":          request(path, body, signature("sha256="+signed, "sha256="+signed)),
		"SHA-1 header only":    request(path, body, http.Header{"X-Hub-Signature": {"sha256=" + signed}}),
		"changed body":         request(path, append(slices.Clone(body), ' '), signature("sha256="+signed)),
		"the app's secret":     d.post(d.handler, path, appSecret, body),
		"foreign address":      d.post(d.handler, "/webhooks/meta/"+other.endpoint, ownSecret, body),
		"disabled account":     d.post(d.handler, "/webhooks/meta/"+off.endpoint, ownSecret, text(off.ref, "m1", "491711234567", "x")),
		"unknown provider":     d.post(d.handler, "/webhooks/nobody/"+own.endpoint, ownSecret, body),
		"endpoint of another":  d.post(d.handler, "/webhooks/nobody", appSecret, body),
		"shared, wrong secret": d.post(d.handler, "/webhooks/meta", ownSecret, body),
		"broken and unsigned":  d.post(d.handler, path, "", []byte("{")),
		"empty endpoint":       d.post(d.handler, "/webhooks/meta/", appSecret, body),
		"a NUL":                d.post(d.handler, "/webhooks/meta/%00", appSecret, body),
		"no UTF-8":             d.post(d.handler, "/webhooks/meta/%ff", appSecret, body),
		"a NUL behind":         d.post(d.handler, path+"%00", ownSecret, body),
		"a folder more":        d.post(d.handler, path+"/x", ownSecret, body),
		"very long":            d.post(d.handler, "/webhooks/meta/"+strings.Repeat("x", 16_000), ownSecret, body),
		"no provider":          d.post(d.handler, "/webhooks/%ff%00/"+own.endpoint, ownSecret, body),
	} {
		if w.Code != unknown.Code || w.Body.String() != unknown.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(unknown.Header()) {
			t.Errorf("%s: %d %v %s, an unknown address answers %d %v %s", name, w.Code, w.Header(), w.Body, unknown.Code, unknown.Header(), unknown.Body)
		}
	}
	if unknown.Code != http.StatusNotFound {
		t.Errorf("an unknown address answers %d", unknown.Code)
	}
	if n := d.count("webhook_items") + d.count("app.unrouted_webhook_items"); n != 0 {
		t.Errorf("%d items were stored", n)
	}
	for _, key := range []string{ownSecret, "old"} { // two secrets during a rotation
		if w := d.post(d.handler, path, key, body); w.Code != http.StatusOK {
			t.Errorf("the own address answers %d %s", w.Code, w.Body)
		}
	}
	if n := d.count("messages"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// H20, H27: what is signed but cannot be read is refused by name, or quarantined item by item.
func TestUnreadableBodies(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place("4001")
	for name, body := range map[string]string{"not JSON": `{"object":`, "a list": `[]`, "two names": `{"object":"a","Object":"b"}`} {
		w := d.post(d.handler, "/webhooks/meta", appSecret, []byte(body))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"INVALID"`) || !strings.Contains(w.Body.String(), `"body"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	large := d.post(d.handler, "/webhooks/meta", appSecret, bytes.Repeat([]byte(" "), 4<<20+1))
	if large.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MB: %d", large.Code)
	}
	if !strings.Contains(large.Body.String(), `"code":"INVALID"`) || !strings.Contains(large.Body.String(), `"field":"body"`) {
		t.Errorf("5 MB is refused without a type: %s", large.Body)
	}
	if w := d.post(d.handler, "/webhooks/meta", appSecret, text("4001", "m1", "+49 171 1234567", `nul \u0000 and half a pair \ud800`)); w.Code != http.StatusOK {
		t.Errorf("NUL: %d %s", w.Code, w.Body)
	}
	if w := d.post(d.handler, "/webhooks/meta", appSecret, text("4001", "m2", "491711234567", "the same person")); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n, people := d.count("messages"), d.count("contacts"); n != 2 || people != 1 {
		t.Errorf("%d messages of %d contacts", n, people)
	}
	r := httptest.NewRequest(http.MethodPut, "/webhooks/meta", nil)
	w := httptest.NewRecorder()
	if d.handler.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
}

// H26: floods are shed with 503, which makes a provider come again.
func TestFloodsAreShed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *httpd.WebhookConfig) { c.Rate = 3 })
	d.place("5001")
	at := time.Now()
	d.now = func() time.Time { return at }
	shed := func(w *httptest.ResponseRecorder) bool {
		return w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != ""
	}
	for i := range 3 {
		if w := d.post(d.handler, "/webhooks/meta", appSecret, text("5001", fmt.Sprint(i), "491711234567", "x")); w.Code != http.StatusOK {
			t.Fatalf("webhook %d: %d", i, w.Code)
		}
	}
	if w := d.post(d.handler, "/webhooks/meta", appSecret, text("5001", "4", "491711234567", "x")); !shed(w) {
		t.Errorf("the fourth of three: %d %v", w.Code, w.Header())
	}
	at = at.Add(time.Second)
	if w := d.post(d.handler, "/webhooks/meta", appSecret, text("5001", "4", "491711234567", "x")); w.Code != http.StatusOK {
		t.Errorf("a second later: %d", w.Code)
	}
	refused := 0
	for i := range 600 {
		if w := d.post(d.handler, "/webhooks/meta", appSecret, []byte("[]")); w.Code != http.StatusBadRequest {
			t.Fatalf("authentic webhook %d of one network: %d; only forged ones count against it", i, w.Code)
		}
	}
	for range 600 {
		if w := d.post(d.handler, "/webhooks/meta", "forged", []byte("{}")); shed(w) {
			refused++
		}
	}
	if refused == 0 || refused > 100 {
		t.Errorf("%d of 600 forged webhooks were shed, want those beyond a burst of 512", refused)
	}
	at = at.Add(time.Minute)
	if w := d.post(d.handler, "/webhooks/meta", appSecret, text("5001", "5", "491711234567", "x")); w.Code != http.StatusOK {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// R2 at the edge: five identical webhooks at the same time to each of two processes. (H23)
func TestConcurrentRedeliveries(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.place("6001")
	other, err := db.Open(context.Background(), db.Config{URL: d.base.AppURL, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(other.Close)
	processes := []http.Handler{d.handler, d.process(other)}
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 10 {
		all.Go(func() {
			<-start
			if w := d.post(processes[i%2], "/webhooks/meta", appSecret, text("6001", "m1", "491711234567", "once")); w.Code != http.StatusOK {
				body, _ := io.ReadAll(w.Body)
				t.Errorf("%d %s", w.Code, body)
			}
		})
	}
	close(start)
	all.Wait()
	if n, events := d.count("messages"), d.count("events WHERE kind = 'MESSAGE_CREATED'"); n != 1 || events != 1 {
		t.Errorf("%d messages, %d events", n, events)
	}
	if applied, twice := d.count("webhook_items WHERE state = 'APPLIED'"), d.count("webhook_items WHERE state = 'DUPLICATE'"); applied != 1 || twice != 9 {
		t.Errorf("%d applied, %d duplicates", applied, twice)
	}
}
