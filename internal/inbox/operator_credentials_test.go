package inbox_test

import (
	"testing"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
)

func TestRenewedCredentialsLetAnAccountSendAgain(t *testing.T) {
	t.Parallel()
	w := inboxtest.New(t)
	o, ring := newOperator(t, w)
	tenant, other := w.Tenant("acme"), w.Tenant("other")
	account := tenant.Account("Shop", nil)
	w.Exec("UPDATE channel_accounts SET status = 'NEEDS_REAUTH', external_ref = '105540000000001' WHERE id = $1", account)
	old := ring.Seal([]byte(`{"accessToken":"an-old-one","appSecret":"0123456789abcdef0123456789abcdef"}`), inbox.CredentialsPlace(tenant.ID, account))
	w.Exec("UPDATE channel_accounts SET credentials_sealed = $2 WHERE id = $1", account, old)
	fresh := []byte(`{"accessToken":"a-fresh-one"}`)

	for name, wrong := range map[string]error{
		"another tenant": o.RenewCredentials(t.Context(), other.Slug, account, fresh),
		"unknown":        o.RenewCredentials(t.Context(), tenant.Slug, inboxtest.NewID(), fresh),
	} {
		if !fault.Is(wrong, fault.NotFound) {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	for _, bad := range []string{"", "[]", `{"accessToken":1}`, `{"token":"x"}`} {
		if err := o.RenewCredentials(t.Context(), tenant.Slug, account, []byte(bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("credentials %q: %v", bad, err)
		}
	}
	if n := w.Int("SELECT count(*) FROM channel_accounts WHERE id = $1 AND status = 'NEEDS_REAUTH'", account); n != 1 {
		t.Fatal("a refused renewal changed the account")
	}

	if err := o.RenewCredentials(t.Context(), tenant.Slug, account, fresh); err != nil {
		t.Fatal(err)
	}
	if n := w.Int("SELECT count(*) FROM channel_accounts WHERE id = $1 AND status = 'ACTIVE'", account); n != 1 {
		t.Error("the account is not ACTIVE")
	}
	var sealed []inbox.SealedValue
	err := w.DB.Operator().InTenant(t.Context(), tenant.ID, func(tx inbox.OperatorTx) (err error) {
		sealed, err = tx.SealedValues(t.Context(), "another key", inbox.SealedValue{}, 10)
		return err
	})
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	if plain, err := ring.Open(sealed[0].Sealed, inbox.CredentialsPlace(tenant.ID, account)); err != nil || string(plain) != `{"accessToken":"a-fresh-one","appSecret":"0123456789abcdef0123456789abcdef"}` {
		t.Errorf("kept are %s, %v", plain, err)
	}
	if n := w.Int("SELECT count(*) FROM audit_log WHERE action = 'channel_account.credentials_renewed' AND subject_id = $1", account); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	w.Exec("UPDATE channel_accounts SET status = 'DISABLED' WHERE id = $1", account)
	if err := o.RenewCredentials(t.Context(), tenant.Slug, account, fresh); !fault.Is(err, fault.NotFound) {
		t.Errorf("an account that is switched off: %v", err)
	}
}
