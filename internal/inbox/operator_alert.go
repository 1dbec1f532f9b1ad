package inbox

import (
	"context"
	"crypto/rand"
	"net/url"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

const (
	alertSecretLength = 32
	maxAlertURL       = 2000
)

// AlertSecretPlace returns where the signing secret of a tenant's alert URL is sealed to.
func AlertSecretPlace(tenant TenantID) secret.Place {
	return secret.Place{Tenant: tenant.String(), Table: "tenants", Row: tenant.String(), Column: "alert_secret_sealed"}
}

// SetAlertURL makes the address the one that the tenant's alerts are posted to and returns a new secret that signs them; the one before
// is void. Without an address alerts are posted no more and there is no secret. It returns Invalid for an address that is not
// https, and NotFound for an unknown tenant.
func (o *Operator) SetAlertURL(ctx context.Context, slug, address string) (key []byte, err error) {
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > maxAlertURL {
			return nil, fault.BadField("url", "an alert URL is an address such as https://example.com/alerts, without a password")
		}
	}
	tenant, err := o.tenant(ctx, slug)
	if err != nil {
		return nil, err
	}
	var kept *string
	var sealed []byte
	if address != "" {
		key = make([]byte, alertSecretLength)
		_, _ = rand.Read(key) // never fails
		kept, sealed = &address, o.tools.Ring.Seal(key, AlertSecretPlace(tenant))
	}
	err = o.change(ctx, tenant, "tenant.alert_url_set", "tenant", tenant.UUID(), func(tx OperatorTx, _ time.Time) error {
		return tx.SetAlertURL(ctx, kept, sealed)
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}
