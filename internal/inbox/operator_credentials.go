package inbox

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/secret"
)

// RenewCredentials gives a channel account other credentials, and lets it send again when the provider had refused the old ones: the
// messages that wait for them go out with the next sweep. Fields that are left out stay as they are, so that a new access token does not
// cost the secret that webhooks are checked with. It returns Invalid for credentials that the provider's own check refuses, and
// NotFound for an unknown tenant and for an account that the tenant does not have or that is switched off.
func (o *Operator) RenewCredentials(ctx context.Context, slug string, account uuid.UUID, credentials []byte) error {
	if !isObject(credentials) {
		return fault.BadField("credentials", "credentials are a JSON object")
	}
	tenant, err := o.tenant(ctx, slug)
	if err != nil {
		return err
	}
	return o.change(ctx, tenant, "channel_account.credentials_renewed", "channel_account", account, func(tx OperatorTx, _ time.Time) error {
		found, err := tx.ChannelAccountsByIDs(ctx, []uuid.UUID{account})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return noAccount()
		}
		old, err := tx.SealedCredentials(ctx, []uuid.UUID{account})
		if err != nil {
			return err
		}
		place := CredentialsPlace(tenant, account)
		merged, err := o.merge(old[account], place, credentials)
		if err != nil {
			return err
		}
		if err := o.accepts(found[0], merged); err != nil {
			return err
		}
		renewed, err := tx.RenewCredentials(ctx, account, o.tools.Ring.Seal(merged, place))
		if err == nil && !renewed {
			err = noAccount()
		}
		return err
	})
}

// merge returns the old credentials with the fields of the new ones in their place. Old ones that cannot be opened are given up.
func (o *Operator) merge(sealed []byte, place secret.Place, credentials []byte) ([]byte, error) {
	fields := map[string]json.RawMessage{}
	if old, err := o.tools.Ring.Open(sealed, place); err == nil && isObject(old) {
		if err := json.Unmarshal(old, &fields); err != nil {
			return nil, err
		}
	}
	if err := json.Unmarshal(credentials, &fields); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// accepts returns Invalid when the account's provider refuses its settings with the credentials.
func (o *Operator) accepts(account ChannelAccount, credentials []byte) error {
	provider, err := o.tools.Providers.Provider(account.Provider)
	if err != nil {
		return fault.BadField("provider", "there is no provider %q; there are %v", account.Provider, o.tools.Providers.Kinds())
	}
	if checker, ok := provider.(channel.Checker); ok {
		if err := checker.Check(channel.NewAccount(account.ID.String(), account.ExternalRef, account.Settings, credentials)); err != nil {
			return fault.BadField("", "%s refuses the account: %v", account.Provider, err)
		}
	}
	return nil
}

func noAccount() error {
	return fault.New(fault.NotFound, "the tenant has no such channel account that is switched on")
}
