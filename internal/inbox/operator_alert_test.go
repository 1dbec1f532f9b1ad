package inbox_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

func TestSetAlertURL(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	o, ring := newOperator(t, w)
	var tenants [2]inbox.Tenant
	for i, slug := range []string{"acme", "other"} {
		tenant, err := o.CreateTenant(t.Context(), inbox.CreateTenantInput{Slug: slug, Name: slug})
		if err != nil {
			t.Fatal(err)
		}
		tenants[i] = tenant
	}
	sealed := func() (all []inbox.SealedValue) {
		err := w.DB.Operator().InTenant(t.Context(), tenants[0].ID, func(tx inbox.OperatorTx) (err error) {
			all, err = tx.SealedValues(t.Context(), "another key", inbox.SealedValue{}, 10)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	posted := func(address string) int64 {
		return w.Int("SELECT count(*) FROM tenants WHERE slug = 'acme' AND alert_url = $1", address)
	}
	first, err := o.SetAlertURL(t.Context(), "ACME", "https://example.com/alerts?team=1")
	if err != nil || len(first) != 32 {
		t.Fatal(first, err)
	}
	kept := sealed()
	if len(kept) != 1 || kept[0].Table != inbox.SealedAlertSecrets || posted("https://example.com/alerts?team=1") != 1 {
		t.Fatalf("kept %+v", kept)
	}
	opened, err := ring.Open(kept[0].Sealed, inbox.AlertSecretPlace(tenants[0].ID))
	if err != nil || !bytes.Equal(opened, first) || bytes.Contains(kept[0].Sealed, first) {
		t.Errorf("kept %x for %x, %v", opened, first, err)
	}
	if second, err := o.SetAlertURL(t.Context(), "acme", "https://example.com/other"); err != nil || bytes.Equal(first, second) {
		t.Errorf("the next address has the secret of the one before, %v", err)
	}
	for _, bad := range []string{"http://example.com/", "example.com", "https://", "https://u:p@example.com/", "file:///etc/passwd",
		"https://example.com/" + strings.Repeat("x", 2000), "https://exa mple.com/"} {
		if _, err := o.SetAlertURL(t.Context(), "acme", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.40s: %v, want INVALID", bad, err)
		}
	}
	if _, err := o.SetAlertURL(t.Context(), "nobody", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown tenant: %v", err)
	}
	for _, tenant := range tenants {
		w.Exec(`INSERT INTO alerts (tenant_id, id, kind, subject_id, message, opened_at, callback_due_at)
			VALUES ($1, $2, 'FOLLOW_UP', $2, 'x', now(), now())`, tenant.ID.UUID(), inboxtest.NewID())
	}
	if key, err := o.SetAlertURL(t.Context(), "acme", ""); err != nil || key != nil {
		t.Errorf("switched off: %v, %v", key, err)
	}
	if left := sealed(); len(left) != 0 {
		t.Errorf("after switching off: %+v", left)
	}
	if n := w.Int("SELECT count(*) FROM alerts WHERE callback_due_at IS NOT NULL AND tenant_id = $1", tenants[0].ID.UUID()); n != 0 {
		t.Errorf("%d posts are due to nowhere", n)
	}
	if n := w.Int("SELECT count(*) FROM alerts WHERE callback_due_at IS NOT NULL"); n != 1 {
		t.Errorf("%d posts of another tenant are due, want 1", n)
	}
	if n := w.Int("SELECT count(*) FROM audit_log WHERE action = 'tenant.alert_url_set'"); n != 3 {
		t.Errorf("%d audit rows for three changes", n)
	}
	if n := w.Int("SELECT count(*) FROM tenants WHERE alert_url IS NOT NULL"); n != 0 {
		t.Errorf("%d other tenants were changed", n)
	}
}
