package outbound_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// ringer remembers the rings of a sweep.
type ringer struct {
	mu    sync.Mutex
	wakes []uuid.UUID
	files []uuid.UUID
	calls []uuid.UUID
}

func (r *ringer) RingWake(_ inbox.TenantID, id uuid.UUID, _ int64) { r.add(&r.wakes, id) }
func (r *ringer) RingFetch(_ inbox.TenantID, id uuid.UUID)         { r.add(&r.files, id) }
func (r *ringer) RingCallback(_ inbox.TenantID, id uuid.UUID)      { r.add(&r.calls, id) }

func (r *ringer) add(to *[]uuid.UUID, id uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to = append(*to, id)
}

func (w *world) sweep() *ringer {
	w.t.Helper()
	r := &ringer{}
	if err := w.out.Sweep(w.t.Context(), r); err != nil {
		w.t.Fatalf("sweep: %v", err)
	}
	return r
}

// H32, R22: a message that waits for more than 5 minutes alerts once an episode, however many processes sweep; the tenant's URL is called with
// a signature, and again when it does not answer; the alert closes when the message has gone.
func TestStuckMessageAlertsOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies [][]byte
	var headers []http.Header
	refuse := true
	url := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		bodies, headers = append(bodies, body), append(headers, r.Header)
		if refuse {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		refuse = false
	}))
	t.Cleanup(url.Close)
	w := newWorld(t, func(c *outbound.Config) { c.AlertClient = url.Client() })
	secretKey := []byte("0123456789abcdef0123456789abcdef")
	w.Exec("UPDATE tenants SET alert_url = $1, alert_secret_sealed = $2", url.URL,
		w.keys.Seal(secretKey, inbox.AlertSecretPlace(w.tenant.ID)))
	w.send(w.tenant.Conversation(w.account), "stuck")
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
	w.Exec("UPDATE app.clock SET shift = interval '301 seconds'")
	fleet := []*outbound.Outbound{w.out, w.process(), w.process()}
	var sweeps sync.WaitGroup
	for i := range 9 {
		sweeps.Go(func() { _ = fleet[i%3].Sweep(t.Context(), &ringer{}) })
	}
	sweeps.Wait()
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 1)
	rung := w.sweep().calls
	if len(rung) != 1 {
		t.Fatalf("%d alert calls were rung for", len(rung))
	}
	w.callBack(rung[0])
	if len(w.sweep().calls) != 0 {
		t.Fatal("the failed call is due at once")
	}
	w.Exec("UPDATE app.clock SET shift = shift + interval '10 seconds'")
	w.callBack(w.sweep().calls[0])
	w.callBack(rung[0]) // a duplicate ring
	if len(bodies) != 2 {
		t.Fatalf("the URL was called %d times, want a failure and a success", len(bodies))
	}
	wantSignature(t, secretKey, headers[1], bodies[1])
	w.drain()
	w.sweep()
	w.wantAlert(outbound.AlertStuck, 0)
}

func (w *world) callBack(alert uuid.UUID) {
	w.t.Helper()
	if err := w.out.CallBack(w.t.Context(), w.tenant.ID, alert); err != nil {
		w.t.Fatal(err)
	}
}

func wantSignature(t *testing.T, key []byte, h http.Header, body []byte) {
	t.Helper()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); h.Get("webhook-signature") != want {
		t.Fatalf("signature %q, want %q", h.Get("webhook-signature"), want)
	}
}

func TestSweepRingsWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(w.tenant.Conversation(w.account), "due")
	for len(w.bells.rung) > 0 {
		<-w.bells.rung
	}
	snoozed := w.tenant.Conversation(w.account)
	w.Exec("UPDATE conversations SET status = 'SNOOZED', snoozed_until = now() - interval '1 second', snooze_gen = 3 WHERE id = $1", snoozed)
	r := w.sweep()
	if len(r.wakes) != 1 || r.wakes[0] != snoozed {
		t.Errorf("woke %v, want %s", r.wakes, snoozed)
	}
	select {
	case account := <-w.bells.rung:
		if account != w.account {
			t.Errorf("rang for %s", account)
		}
	default:
		t.Error("the due lane was not rung")
	}
}

// The chain covers every audit row once. (R63)
func TestAuditIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendMany(3)
	w.sweep()
	w.send(w.tenant.Conversation(w.account), "more")
	w.sweep()
	if rows, seals := w.Int("SELECT count(*) FROM audit_log"), w.Int("SELECT count(*) FROM audit_seals"); rows != 4 || seals != 4 {
		t.Fatalf("%d rows and %d seals, want 4", rows, seals)
	}
	if n := w.Int("SELECT count(DISTINCT hash) FROM audit_seals WHERE length(hash) = 32"); n != 4 {
		t.Fatalf("%d hashes", n)
	}
}

func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := "hi"
	in := outbound.SendMessageInput{ConversationID: w.tenant.Conversation(w.account), Text: &text, IdempotencyKey: "k"}
	if _, err := w.out.SendMessage(t.Context(), w.agent, in); err != nil {
		t.Fatal(err)
	}
	w.Shift(23 * time.Hour)
	w.sweep()
	if w.Int("SELECT count(*) FROM idempotency_keys") != 1 {
		t.Fatal("a key was forgotten within 24 hours")
	}
	w.Shift(25 * time.Hour)
	w.sweep()
	if w.Int("SELECT count(*) FROM idempotency_keys") != 0 {
		t.Fatal("an old key is still there")
	}
}

// narrow lists one tenant at a time, as if there were very many of them.
type narrow struct {
	outbound.Store
	alerts func(after inbox.TenantID) // is told of each page of those with alerts; nil: nobody is
}

func (s narrow) AlertTenants(ctx context.Context, after inbox.TenantID, _ int) ([]inbox.TenantID, error) {
	if s.alerts != nil {
		s.alerts(after)
	}
	return s.Store.AlertTenants(ctx, after, 1)
}

func (s narrow) ParkedTenants(ctx context.Context, after inbox.TenantID, _ int) ([]inbox.TenantID, error) {
	return s.Store.ParkedTenants(ctx, after, 1)
}

func (s narrow) UnsealedTenants(ctx context.Context, after inbox.TenantID, _ int) ([]inbox.TenantID, error) {
	return s.Store.UnsealedTenants(ctx, after, 1)
}

// alertOf opens an alert of the kind, about nothing that is there.
func (w *world) alertOf(tenant *inboxtest.Tenant, kind outbound.AlertKind) {
	w.Exec("INSERT INTO alerts (tenant_id, id, kind, subject_id, message, opened_at) VALUES ($1, $2, $3, $2, 'x', now())", tenant.ID.UUID(), inboxtest.NewID(), kind)
}

// Tenants that are listed again and again, because what is listed stays, keep no other one from its turn.
func TestASweepComesToEveryTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range []*inboxtest.Tenant{w.tenant, w.Tenant("second"), w.Tenant("third")} {
		w.alertOf(tenant, outbound.AlertTokenReuse) // stays
		w.alertOf(tenant, outbound.AlertStuck)      // has ended
		account := tenant.Account("parked", nil)
		w.Exec(`INSERT INTO parked_facts (tenant_id, channel_account_id, external_id, kind, at, parked_at) VALUES ($1, $2, 'new', 'READ', now(), now()),
			($1, $2, 'old', 'READ', now(), now() - interval '8 days')`, tenant.ID.UUID(), account)
		w.Exec(`INSERT INTO audit_log (tenant_id, id, at, actor_kind, action, subject_kind) VALUES ($1, $2, now(), 'SYSTEM', 'x', 'x')`, tenant.ID.UUID(), inboxtest.NewID())
	}
	w.out = w.processOn(narrow{Store: w.DB.Outbound()})
	w.sweep()
	for what, left := range map[string]string{
		"alerts whose cause has ended": "SELECT count(*) FROM alerts WHERE kind = 'STUCK' AND closed_at IS NULL",
		"receipts of a week ago":       "SELECT count(*) FROM parked_facts WHERE external_id = 'old'",
		"audit rows without a seal":    "SELECT count(*) FROM audit_log l WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id)",
	} {
		if n := w.Int(left); n > 0 {
			t.Errorf("of three tenants %d still have %s", n, what)
		}
	}
}

// A round that is cut off goes on behind the tenant that it was at, and only one that came to the last begins at the first again.
func TestARoundGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.tenant, w.Tenant("second")
	w.alertOf(first, outbound.AlertTokenReuse)
	w.alertOf(second, outbound.AlertTokenReuse)
	short, cut := context.WithCancel(t.Context())
	var pages []inbox.TenantID
	w.out = w.processOn(narrow{Store: w.DB.Outbound(), alerts: func(after inbox.TenantID) {
		if pages = append(pages, after); len(pages) == 2 {
			cut()
		}
	}})
	_ = w.out.Sweep(short, &ringer{})
	w.sweep()
	w.sweep()
	none := inbox.TenantID{}
	want := []inbox.TenantID{none, first.ID, first.ID, second.ID, none, first.ID, second.ID}
	if !slices.Equal(pages, want) {
		t.Errorf("pages begin behind %v, want %v", pages, want)
	}
}
